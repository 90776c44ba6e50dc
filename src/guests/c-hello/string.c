#include "string.h"

/* Loops, not calls to the functions that they define. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

void *memcpy(void *destination, const void *source, size_t bytes) {
  void *to = destination;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(source), "+c"(bytes) : : "memory");
  return destination;
}

void *memmove(void *destination, const void *source, size_t bytes) {
  if ((uintptr_t)destination <= (uintptr_t)source) return memcpy(destination, source, bytes);
  uint8_t *to = destination;
  const uint8_t *from = source;
  while (bytes-- > 0) to[bytes] = from[bytes];
  return destination;
}

void *memset(void *destination, int value, size_t bytes) {
  void *to = destination;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
  return destination;
}

int memcmp(const void *left, const void *right, size_t bytes) {
  const uint8_t *a = left;
  const uint8_t *b = right;
  for (size_t i = 0; i < bytes; i++) {
    if (a[i] != b[i]) return a[i] - b[i];
  }
  return 0;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != 0) length++;
  return length;
}

int strcmp(const char *left, const char *right) {
  while (*left != 0 && *left == *right) {
    left++;
    right++;
  }
  return (uint8_t)*left - (uint8_t)*right;
}
