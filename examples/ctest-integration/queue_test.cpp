// SPDX-License-Identifier: Apache-2.0
// Four tests that pass, one of which leaks.
#include <gtest/gtest.h>

#include <deque>
#include <string>

namespace {

struct Job {
  int number;
  char name[60];
};

class Queue {
 public:
  void add(int number) {
    // LEAK: 128 bytes in 2 blocks; test Queue.ForgetsWhatIsLeft; function add
    jobs_.push_back(new Job{number, ""});
  }
  int run_one() {
    Job* job = jobs_.front();
    jobs_.pop_front();
    const int number = job->number;
    delete job;
    return number;
  }

 private:
  std::deque<Job*> jobs_;
};

TEST(Queue, RunsInOrder) {
  Queue queue;
  queue.add(1);
  queue.add(2);
  EXPECT_EQ(queue.run_one(), 1);
  EXPECT_EQ(queue.run_one(), 2);
}

TEST(Queue, ForgetsWhatIsLeft) {
  Queue queue;
  queue.add(1);
  queue.add(2);
  queue.add(3);
  EXPECT_EQ(queue.run_one(), 1);
}

class Names : public testing::TestWithParam<const char*> {};
TEST_P(Names, AreShort) {
  EXPECT_LT(std::string(GetParam()).size(), 10u);
}
INSTANTIATE_TEST_SUITE_P(All, Names, testing::Values("first", "second"));

}  // namespace
