// DPDK's rte_ring, of elements of any size (`rte_ring_elem.h`), over memory of the heap: no hugepages,
// no EAL. One producer: single-producer, single-consumer mode. Many: relaxed tail sync for them, which
// the programmer's guide recommends where producers may be preempted. Many at once by the burst calls.

#include <cstdlib>
#include <memory>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "queue.hpp"

namespace {

struct Side {
  std::shared_ptr<rte_ring> ring;
  unsigned bytes;

  static std::size_t push(void *self, void *payloads, std::size_t count) {
    Side &side = *static_cast<Side *>(self);
    return rte_ring_enqueue_burst_elem(side.ring.get(), payloads, side.bytes, count, nullptr);
  }

  static std::size_t pop(void *self, void *payloads, std::size_t count) {
    Side &side = *static_cast<Side *>(self);
    return rte_ring_dequeue_burst_elem(side.ring.get(), payloads, side.bytes, count, nullptr);
  }
};

struct Open {
  bool many;
  std::size_t producers;
  End *senders, *receiver;

  template <std::size_t Bytes> bool operator()() const {
    ssize_t size = rte_ring_get_memsize_elem(Bytes, slots<Bytes>());
    if (size < 0)
      return false;
    void *memory = std::aligned_alloc(128, (std::size_t(size) + 127) / 128 * 128);
    if (!memory)
      return false;
    std::shared_ptr<rte_ring> ring(static_cast<rte_ring *>(memory), std::free);
    unsigned flags = RING_F_SC_DEQ | (many ? RING_F_MP_RTS_ENQ : RING_F_SP_ENQ);
    if (rte_ring_init(ring.get(), "peers", slots<Bytes>(), flags) != 0)
      return false;
    for (std::size_t i = 0; i < producers; ++i)
      senders[i] = {new Side{ring, Bytes}, Side::push, nullptr, close_end<Side>};
    *receiver = {new Side{ring, Bytes}, Side::pop, nullptr, close_end<Side>};
    return true;
  }
};

} // namespace

extern "C" bool rte_ring_open_one(std::size_t bytes, bool, std::size_t producers, End *senders,
                                  End *receiver) {
  return producers == 1 && with_size(bytes, Open{false, producers, senders, receiver});
}

extern "C" bool rte_ring_open_many(std::size_t bytes, bool, std::size_t producers, End *senders,
                                   End *receiver) {
  return with_size(bytes, Open{true, producers, senders, receiver});
}
