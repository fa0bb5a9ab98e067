// SPDX-License-Identifier: Apache-2.0
// A tree of tsearch()'s, in which glibc marks the left branches of red nodes, with its keys; and what iconv
// keeps of such trees.
// truth: 40 blocks of 24 and of 152 bytes, all of them still reachable
#include <iconv.h>
#include <search.h>
#include <stdlib.h>

#include "common.h"

enum { kKeys = 20, kKeyBytes = 152 };

static void* root;

static int compare(const void* left, const void* right) {
  return *(const int*)left - *(const int*)right;
}

int main(void) {
  for (int i = 0; i < kKeys; ++i) {
    int* const key = malloc(kKeyBytes);
    if (key == NULL) return 1;
    *key = i * 7 % kKeys;
    if (tsearch(key, &root, compare) == NULL) return 2;
  }
  static const char* const kSets[] = {"EUC-JP", "KOI8-R", "CP1252", "BIG5", "ISO-8859-15", "EUC-KR", "GBK"};
  for (size_t i = 0; i < sizeof kSets / sizeof kSets[0]; ++i) {
    const iconv_t conversion = iconv_open("UTF-8", kSets[i]);
    if (conversion != (iconv_t)-1) iconv_close(conversion);
  }
  return 0;
}
