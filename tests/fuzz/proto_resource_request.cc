#include "proto/resource_request.h"
#include "proto_body.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun;
    return fuzz::check_body(data, size, proto::decode_resource_request,
                            proto::encode_resource_request);
}
