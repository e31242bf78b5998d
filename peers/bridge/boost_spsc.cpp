// boost::lockfree::spsc_queue, with its capacity fixed at compile time. Many at once by
// `push(T const *, size)` and `pop(T *, size)`.

#include <memory>

#include <boost/lockfree/spsc_queue.hpp>
#include <boost/version.hpp>

#include "queue.hpp"

namespace {

template <std::size_t Bytes> struct Spsc {
  using T = Payload<Bytes>;
  using Queue = boost::lockfree::spsc_queue<T, boost::lockfree::capacity<slots<Bytes>()>>;
  std::shared_ptr<Queue> queue;

  static std::size_t push(void *self, void *payloads, std::size_t count) {
    Queue &queue = *static_cast<Spsc *>(self)->queue;
    T const *from = static_cast<T const *>(payloads);
    return count == 1 ? queue.push(*from) : queue.push(from, count);
  }

  static std::size_t pop(void *self, void *payloads, std::size_t count) {
    Queue &queue = *static_cast<Spsc *>(self)->queue;
    T *to = static_cast<T *>(payloads);
    return count == 1 ? queue.pop(*to) : queue.pop(to, count);
  }
};

struct Open {
  End *sender, *receiver;

  template <std::size_t Bytes> bool operator()() const {
    using Side = Spsc<Bytes>;
    auto queue = std::make_shared<typename Side::Queue>();
    *sender = {new Side{queue}, Side::push, nullptr, close_end<Side>};
    *receiver = {new Side{queue}, Side::pop, nullptr, close_end<Side>};
    return true;
  }
};

} // namespace

extern "C" bool boost_spsc_open(std::size_t bytes, bool, std::size_t producers, End *senders,
                                End *receiver) {
  return producers == 1 && with_size(bytes, Open{senders, receiver});
}

extern "C" unsigned boost_version() { return BOOST_VERSION; }
