// SPDX-License-Identifier: Apache-2.0
// The plug-in of corpus_cpp: its constructor and one function leak.
#include "corpus.h"

namespace {

void* volatile g_block;

struct Constructed {
  Constructed() {
    g_block = std::malloc(corpus_bytes(41));
    CORPUS_AFTER_CALL();
  }
};
Constructed g_constructed;

}  // namespace

extern "C" CORPUS_NOINLINE void corpus_plugin_leak() {
  corpus_keep(&g_constructed);
  g_block = std::malloc(corpus_bytes(42));
  CORPUS_AFTER_CALL();
}
