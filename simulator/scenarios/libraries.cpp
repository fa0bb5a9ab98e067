// SPDX-License-Identifier: Apache-2.0
// Family cause, second part: memory that a C interface hands out and the caller has to give back.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "simulator/scenarios/parts.h"

namespace leakgate::simulator {
namespace {

LEAKGATE_SIM_NOINLINE ssize_t read_line(Site& site, char** line, std::size_t* capacity_bytes, FILE* stream) {
  return LEAKGATE_SIM_AT(site, getline(line, capacity_bytes, stream));
}

void getline_buffer(Run& run) {
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    char text[] = "one line of a configuration file\nand another\n";
    FILE* stream = fmemopen(text, sizeof text - 1, "r");
    if (stream == nullptr) return;
    Site site;
    char* line = nullptr;
    std::size_t capacity_bytes = 0;
    const ssize_t length = read_line(site, &line, &capacity_bytes, stream);
    std::fclose(stream);
    keep(line);
    // behind the text stands what was there before malloc, the addresses of lost lines perhaps
    if (length >= 0) std::memset(line + length, 0, capacity_bytes - static_cast<std::size_t>(length));
    if (run.leaking() && length >= 0) {
      run.lost(Kind::definitely_lost, site, capacity_bytes);
    } else {
      std::free(line);
    }
  }
}

LEAKGATE_SIM_NOINLINE int print_message(Site& site, char** message, std::uint32_t number, int width) {
  return LEAKGATE_SIM_AT(site, asprintf(message, "message %*u", width, number));
}

void asprintf_message(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site site;
    char* message = nullptr;
    const int length = print_message(site, &message, round, static_cast<int>(sizes.next()));
    if (length < 0) return;
    keep(message);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, static_cast<std::uint64_t>(length) + 1);
    } else {
      std::free(message);
    }
  }
}

/// A handle as C libraries give them out: a struct that owns further blocks.
struct Connection {
  char* host;
  int port;
};

LEAKGATE_SIM_NOINLINE Connection* connection_struct(Site& site) {
  return static_cast<Connection*>(LEAKGATE_SIM_AT(site, std::malloc(sizeof(Connection))));
}

LEAKGATE_SIM_NOINLINE char* connection_host(Site& site, const char* host) {
  return LEAKGATE_SIM_AT(site, strdup(host));
}

Connection* connection_open(Site& struct_site, Site& host_site, const char* host) {
  Connection* connection = connection_struct(struct_site);
  connection->host = connection_host(host_site, host);
  connection->port = 443;
  return connection;
}

void connection_close(Connection* connection) {
  std::free(connection->host);
  std::free(connection);
}

void handle_not_closed(Run& run) {
  constexpr char kHost[] = "example.org";
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site struct_site;
    Site host_site;
    Connection* connection = connection_open(struct_site, host_site, kHost);
    keep(connection);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, struct_site, sizeof(Connection));
      run.lost(Kind::indirectly_lost, host_site, sizeof kHost);
    } else {
      connection_close(connection);
    }
  }
}

void handle_half_closed(Run& run) {
  constexpr char kHost[] = "half.example.org";
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site struct_site;
    Site host_site;
    Connection* connection = connection_open(struct_site, host_site, kHost);
    keep(connection);
    if (run.leaking()) {
      std::free(connection);  // Frees the struct and forgets what it owns.
      run.lost(Kind::definitely_lost, host_site, sizeof kHost);
    } else {
      connection_close(connection);
    }
  }
}

using Visitor = void (*)(void* context, std::uint32_t item);

LEAKGATE_SIM_NOINLINE void* callback_context(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, std::calloc(1, bytes));
}

void count_item(void* context, std::uint32_t item) {
  *static_cast<std::uint32_t*>(context) += item;
}

void visit(Visitor visitor, void* context) {
  for (std::uint32_t item = 0; item < 3; ++item) {
    visitor(context, item);
  }
}

void callback_context_forgotten(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    void* context = callback_context(site, bytes);
    visit(count_item, context);
    keep(context);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, bytes);
    } else {
      std::free(context);
    }
  }
}

constexpr Parameters kDefaults{10, 64, 1, 1};
constexpr Scenario kScenarios[] = {
    {"getline_buffer", "cause", "getline's buffer is never freed", "free follows", kDefaults, getline_buffer},
    {"asprintf_message", "cause", "asprintf's string is never freed", "free follows", kDefaults,
     asprintf_message},
    {"handle_not_closed", "cause", "a C handle and the string it owns are dropped", "the handle is closed",
     kDefaults, handle_not_closed},
    {"handle_half_closed", "cause", "free of the struct forgets the string inside", "the handle is closed",
     kDefaults, handle_half_closed},
    {"callback_context_forgotten", "cause", "the context given to a C callback is dropped",
     "the context is freed after the last call", kDefaults, callback_context_forgotten},
};

}  // namespace

std::span<const Scenario> library_scenarios() {
  return kScenarios;
}

}  // namespace leakgate::simulator
