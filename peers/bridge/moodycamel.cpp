// moodycamel::ReaderWriterQueue for one producer (BlockingReaderWriterQueue if the consumer is to
// sleep), moodycamel::ConcurrentQueue for many. `try_enqueue` takes what there is room for without
// allocating. Tokens, as the README of ConcurrentQueue says, make it faster: one for each producer and
// one for the consumer; many at once by its `_bulk` calls. Its producers keep the blocks that they
// have filled once; so that none takes those of all, the room is shared out among them.

#include <memory>

#include <concurrentqueue/concurrentqueue.h>
#include <readerwriterqueue/readerwriterqueue.h>

#include "queue.hpp"

namespace {

template <std::size_t Bytes, typename Q> struct One {
  using T = Payload<Bytes>;
  std::shared_ptr<Q> queue;

  static std::size_t push(void *self, void *payload, std::size_t) {
    return static_cast<One *>(self)->queue->try_enqueue(*static_cast<T const *>(payload));
  }

  static std::size_t pop(void *self, void *payload, std::size_t) {
    return static_cast<One *>(self)->queue->try_dequeue(*static_cast<T *>(payload));
  }

  static void open(End *sender, End *receiver, bool (*wait_one)(void *, void *)) {
    auto queue = std::make_shared<Q>(slots<Bytes>());
    *sender = {new One{queue}, push, nullptr, close_end<One>};
    *receiver = {new One{queue}, pop, wait_one, close_end<One>};
  }
};

template <std::size_t Bytes> bool wait_one(void *self, void *payload) {
  using T = Payload<Bytes>;
  using Blocking = One<Bytes, moodycamel::BlockingReaderWriterQueue<T>>;
  static_cast<Blocking *>(self)->queue->wait_dequeue(*static_cast<T *>(payload));
  return true;
}

struct OpenOne {
  bool asleep;
  End *sender, *receiver;

  template <std::size_t Bytes> bool operator()() const {
    using T = Payload<Bytes>;
    if (asleep) {
      using Blocking = One<Bytes, moodycamel::BlockingReaderWriterQueue<T>>;
      Blocking::open(sender, receiver, wait_one<Bytes>);
    } else {
      One<Bytes, moodycamel::ReaderWriterQueue<T>>::open(sender, receiver, nullptr);
    }
    return true;
  }
};

template <std::size_t Slots> struct Bounded : moodycamel::ConcurrentQueueDefaultTraits {
  static constexpr std::size_t MAX_SUBQUEUE_SIZE = Slots;
};

template <std::size_t Bytes, std::size_t Slots> struct Many {
  using T = Payload<Bytes>;
  using Queue = moodycamel::ConcurrentQueue<T, Bounded<Slots>>;

  struct Sender {
    std::shared_ptr<Queue> queue;
    moodycamel::ProducerToken token;

    static std::size_t push(void *self, void *payloads, std::size_t count) {
      auto &[queue, token] = *static_cast<Sender *>(self);
      T const *from = static_cast<T const *>(payloads);
      bool sent = count == 1 ? queue->try_enqueue(token, *from)
                             : queue->try_enqueue_bulk(token, from, count);
      return sent ? count : 0;
    }
  };

  struct Receiver {
    std::shared_ptr<Queue> queue;
    moodycamel::ConsumerToken token;

    static std::size_t pop(void *self, void *payloads, std::size_t count) {
      auto &[queue, token] = *static_cast<Receiver *>(self);
      T *to = static_cast<T *>(payloads);
      return count == 1 ? queue->try_dequeue(token, *to)
                        : queue->try_dequeue_bulk(token, to, count);
    }
  };
};

struct OpenMany {
  std::size_t producers;
  End *senders, *receiver;

  template <std::size_t Bytes> bool operator()() const {
    if (producers == 1)
      return open<Bytes, 1>();
    if constexpr (Bytes == 64) {
      switch (producers) {
      case 2:
        return open<Bytes, 2>();
      case 4:
        return open<Bytes, 4>();
      case 8:
        return open<Bytes, 8>();
      }
    }
    return false;
  }

  template <std::size_t Bytes, std::size_t Producers> bool open() const {
    constexpr std::size_t each = slots<Bytes>() / Producers;
    using Sides = Many<Bytes, each>;
    auto queue = std::make_shared<typename Sides::Queue>(each, Producers, 0);
    using Sender = typename Sides::Sender;
    using Receiver = typename Sides::Receiver;
    for (std::size_t i = 0; i < Producers; ++i) {
      auto *sender = new Sender{queue, moodycamel::ProducerToken(*queue)};
      senders[i] = {sender, Sender::push, nullptr, close_end<Sender>};
    }
    auto *side = new Receiver{queue, moodycamel::ConsumerToken(*queue)};
    *receiver = {side, Receiver::pop, nullptr, close_end<Receiver>};
    return true;
  }
};

} // namespace

extern "C" bool readerwriterqueue_open(std::size_t bytes, bool asleep, std::size_t producers,
                                       End *senders, End *receiver) {
  return producers == 1 && with_size(bytes, OpenOne{asleep, senders, receiver});
}

extern "C" bool concurrentqueue_open(std::size_t bytes, bool, std::size_t producers, End *senders,
                                     End *receiver) {
  return with_size(bytes, OpenMany{producers, senders, receiver});
}
