/* SPDX-License-Identifier: Apache-2.0 */
/* Functions with frames of several shapes, built without .eh_frame. */

int unwind_sample_leaf(int value);
int unwind_sample_calls(int value);
int unwind_sample_array(int count);

__attribute__((noinline)) int unwind_sample_leaf(int value) {
  return value * 3 + 1;
}

__attribute__((noinline)) int unwind_sample_calls(int value) {
  volatile int kept = unwind_sample_leaf(value);
  int sum = 0;
  for (int i = 0; i < value; ++i)
    sum += unwind_sample_leaf(i) ^ kept;
  return sum;
}

__attribute__((noinline)) int unwind_sample_array(int count) {
  volatile char* bytes = __builtin_alloca((unsigned)count + 16U);
  for (int i = 0; i < count; ++i)
    bytes[i] = (char)unwind_sample_calls(i);
  return bytes[count / 2];
}
