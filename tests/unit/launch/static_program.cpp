// SPDX-License-Identifier: Apache-2.0
// A program without any shared object: prints the device and inode of its own executable.
#include <sys/stat.h>

#include <cstdio>

int main() {
  struct stat status {};
  if (stat("/proc/self/exe", &status) != 0) return 1;
  std::printf("%llu:%llu\n", static_cast<unsigned long long>(status.st_dev),
              static_cast<unsigned long long>(status.st_ino));
  return 0;
}
