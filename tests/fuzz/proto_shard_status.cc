#include "proto/shard_status.h"
#include "proto_body.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun;
    return fuzz::check_body(data, size, proto::decode_shard_status, proto::encode_shard_status);
}
