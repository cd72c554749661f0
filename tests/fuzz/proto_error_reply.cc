#include "proto/error_reply.h"
#include "proto_body.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun;
    return fuzz::check_body(data, size, proto::decode_error_reply, proto::encode_error_reply);
}
