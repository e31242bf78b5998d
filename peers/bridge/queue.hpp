// What the program sees of a queue of C or C++: an end of it, as a table of functions. One call moves
// one payload or many. Nothing throws across this border.

#pragma once

#include <cstddef>

extern "C" {

struct End {
  void *self;
  // Moves as many as it can at once, at most `count`, and returns how many. A sender copies from
  // `payloads`, a receiver to them.
  std::size_t (*move)(void *self, void *payloads, std::size_t count);
  // Waits in the kernel until one has arrived; null if the queue cannot.
  bool (*wait_one)(void *self, void *payload);
  void (*close)(void *self);
};
}

// A payload, aligned as that of the program is.
template <std::size_t Bytes> struct alignas(Bytes < 64 ? 8 : 64) Payload {
  unsigned char bytes[Bytes];
};

// Payloads that 1 MiB has room for, up to the next power of two.
template <std::size_t Bytes> constexpr std::size_t slots() {
  std::size_t count = 1;
  while (count * Bytes < (std::size_t(1) << 20))
    count *= 2;
  return count;
}

// Calls `open.template operator()<Bytes>()` for the size asked for, if there is one.
template <typename Open> bool with_size(std::size_t bytes, Open open) {
  try {
    switch (bytes) {
    case 8:
      return open.template operator()<8>();
    case 56:
      return open.template operator()<56>();
    case 64:
      return open.template operator()<64>();
    case 1024:
      return open.template operator()<1024>();
    case 16384:
      return open.template operator()<16384>();
    default:
      return false;
    }
  } catch (...) {
    return false;
  }
}

template <typename T> void close_end(void *self) { delete static_cast<T *>(self); }
