// boost::interprocess::message_queue, in shared memory, by name.

#include <memory>

#include <boost/interprocess/ipc/message_queue.hpp>

#include "queue.hpp"

namespace {

using boost::interprocess::message_queue;
namespace ipc = boost::interprocess;

struct Side {
  std::unique_ptr<message_queue> queue;
  std::size_t bytes;

  static std::size_t push(void *self, void *payload, std::size_t) {
    Side &side = *static_cast<Side *>(self);
    try {
      return side.queue->try_send(payload, side.bytes, 0);
    } catch (...) {
      return 0;
    }
  }

  static std::size_t pop(void *self, void *payload, std::size_t) {
    Side &side = *static_cast<Side *>(self);
    message_queue::size_type received;
    unsigned priority;
    try {
      return side.queue->try_receive(payload, side.bytes, received, priority) &&
             received == side.bytes;
    } catch (...) {
      return 0;
    }
  }

  static bool wait_one(void *self, void *payload) {
    Side &side = *static_cast<Side *>(self);
    message_queue::size_type received;
    unsigned priority;
    try {
      side.queue->receive(payload, side.bytes, received, priority);
      return received == side.bytes;
    } catch (...) {
      return false;
    }
  }
};

} // namespace

// With `slots`, creates it; with none, opens it. The end is one to send by, or to receive by.
extern "C" bool boost_mq_open(char const *name, std::size_t slots, std::size_t bytes, bool sends,
                              End *end) {
  try {
    auto queue = slots ? std::make_unique<message_queue>(ipc::create_only, name, slots, bytes)
                       : std::make_unique<message_queue>(ipc::open_only, name);
    auto *side = new Side{std::move(queue), bytes};
    *end = {side, sends ? Side::push : Side::pop, Side::wait_one, close_end<Side>};
    return true;
  } catch (...) {
    return false;
  }
}
