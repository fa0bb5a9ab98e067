// SPDX-License-Identifier: Apache-2.0
// A connection that is not closed: the last test forgets what the others do.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

namespace {

struct Connection {
  char host[64];
  int port;
};

Connection* connection_open(const char* host, int port) {
  // LEAK: 68 bytes in 1 block; test Connection.IsNotClosed; function connection_open
  auto* connection = static_cast<Connection*>(std::malloc(sizeof(Connection)));
  std::strncpy(connection->host, host, sizeof connection->host - 1);
  connection->port = port;
  return connection;
}

void connection_close(Connection* connection) {
  std::free(connection);
}

TEST(Connection, IsClosed) {
  Connection* connection = connection_open("localhost", 80);
  EXPECT_EQ(connection->port, 80);
  connection_close(connection);
}

TEST(Connection, IsNotClosed) {
  const Connection* connection = connection_open("localhost", 443);
  EXPECT_EQ(connection->port, 443);
}

}  // namespace
