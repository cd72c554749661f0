// The documents of an OCI image layout: what they become or the sentence that refuses them.

#include <cerrno>
#include <string_view>

#include "base/fail.h"
#include "importer/oci_json.h"
#include "target.h"

namespace shardrun::importer {
namespace {

template <class T>
bool is_refused(const Result<T>& result) {
    if (result) return false;
    SR_ASSERT(result.error().code == EPROTO || result.error().code == E2BIG ||
              result.error().code == EINVAL);
    SR_ASSERT(!result.error().message.empty() && result.error().message.size() < 4000);
    return true;
}

}  // namespace
}  // namespace shardrun::importer

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun::importer;
    // One char is as good as another: a view needs no copy.
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto document = parse_oci_document(text);
    if (!is_refused(document)) {
        SR_ASSERT(document->manifests.size() <= kDescriptorsMax);
        (void)choose_manifest(document->manifests, {"linux", "amd64", ""}, "");
        (void)choose_manifest(document->manifests, {"linux", "arm", "v7"}, "latest");
    }
    (void)is_refused(parse_oci_config(text));
    (void)is_refused(parse_platform(text));
    return 0;
}
