#include "policy/eviction/eviction_order.h"

#include "base/fail.h"
#include "policy/eviction/arc_order.h"
#include "policy/eviction/fifo_order.h"
#include "policy/eviction/gdsf_order.h"
#include "policy/eviction/lfu_order.h"
#include "policy/eviction/lru_order.h"
#include "policy/eviction/s3_fifo_order.h"
#include "policy/eviction/sieve_order.h"
#include "policy/eviction/w_tinylfu_order.h"

namespace shardrun::policy {

std::unique_ptr<EvictionOrder> make_eviction_order(EvictionPolicy policy, ObjectTable& objects) {
    switch (policy) {
        case EvictionPolicy::fifo:
            return std::make_unique<FifoOrder>(objects);
        case EvictionPolicy::lru:
            return std::make_unique<LruOrder>(objects);
        case EvictionPolicy::lfu:
            return std::make_unique<LfuOrder>(objects);
        case EvictionPolicy::gdsf:
            return std::make_unique<GdsfOrder>(objects);
        case EvictionPolicy::arc:
            return std::make_unique<ArcOrder>(objects);
        case EvictionPolicy::sieve:
            return std::make_unique<SieveOrder>(objects);
        case EvictionPolicy::s3_fifo:
            return std::make_unique<S3FifoOrder>(objects);
        case EvictionPolicy::w_tinylfu:
            return std::make_unique<WTinyLfuOrder>(objects);
    }
    SR_ASSERT(false);
    return nullptr;
}

}  // namespace shardrun::policy
