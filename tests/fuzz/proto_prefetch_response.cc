#include "proto/prefetch_response.h"
#include "proto_body.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun;
    return fuzz::check_body(data, size, proto::decode_prefetch_response,
                            proto::encode_prefetch_response);
}
