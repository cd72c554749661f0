#include "importer/oci_json.h"

#include <sys/utsname.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/fail.h"

namespace shardrun::importer {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kTextMax = 131072;
constexpr std::size_t kListMax = 4096;
constexpr std::size_t kNameMax = 1024;

Result<Json> parse(std::string_view text) {
    if (text.size() > kJsonMax)
        return refuse(E2BIG, "{} bytes of JSON are more than {}", text.size(), kJsonMax);
    bool is_too_deep = false;
    const auto watch = [&](int depth, Json::parse_event_t, Json&) {
        is_too_deep = is_too_deep || depth > static_cast<int>(kJsonDepthMax);
        return !is_too_deep;
    };
    Json json = Json::parse(text.begin(), text.end(), watch, false);
    if (is_too_deep) return refuse(E2BIG, "JSON is nested deeper than {}", kJsonDepthMax);
    if (json.is_discarded() || !json.is_object()) return refuse(EPROTO, "this is no JSON object");
    return json;
}

/// Empty when it is not there. Errors: EPROTO for what is no text.
Result<std::string> text_at(const Json& object, const char* key, std::size_t max) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return std::string();
    if (!found->is_string()) return refuse(EPROTO, "{}: this should be a text", key);
    const auto& text = found->get_ref<const std::string&>();
    if (text.size() > max || text.find('\0') != std::string::npos)
        return refuse(EPROTO, "{}: this text is too long, or has a NUL", key);
    return text;
}

Result<std::vector<std::string>> texts_at(const Json& object, const char* key) {
    std::vector<std::string> texts;
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return texts;
    if (!found->is_array() || found->size() > kListMax)
        return refuse(EPROTO, "{}: this should be a list of at most {} texts", key, kListMax);
    for (const Json& element : *found) {
        if (!element.is_string()) return refuse(EPROTO, "{}: this should be texts", key);
        SR_TRY(std::string text, text_at(Json{{key, element}}, key, kTextMax));
        texts.push_back(std::move(text));
    }
    return texts;
}

/// An empty object when it is not there.
Result<Json> object_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return Json::object();
    if (!found->is_object()) return refuse(EPROTO, "{}: this should be an object", key);
    return *found;
}

Result<Descriptor> to_descriptor(const Json& json) {
    if (!json.is_object()) return refuse(EPROTO, "a descriptor should be an object");
    Descriptor descriptor;
    SR_TRY(descriptor.media_type, text_at(json, "mediaType", kNameMax));
    SR_TRY(const std::string digest, text_at(json, "digest", kNameMax));
    if (!digest.starts_with("sha256:"))
        return refuse(EPROTO, "digest '{}': only sha256 is known", digest);
    SR_TRY(descriptor.digest, blob::parse_digest(digest));
    const auto size = json.find("size");
    if (size == json.end() || !size->is_number_unsigned())
        return refuse(EPROTO, "size: this should be a whole number");
    descriptor.size_bytes = size->get<std::uint64_t>();
    SR_TRY(const Json platform, object_at(json, "platform"));
    SR_TRY(descriptor.platform.os, text_at(platform, "os", kNameMax));
    SR_TRY(descriptor.platform.architecture, text_at(platform, "architecture", kNameMax));
    SR_TRY(descriptor.platform.variant, text_at(platform, "variant", kNameMax));
    SR_TRY(const Json annotations, object_at(json, "annotations"));
    SR_TRY(descriptor.reference,
           text_at(annotations, "org.opencontainers.image.ref.name", kNameMax));
    return descriptor;
}

Result<std::vector<Descriptor>> descriptors_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_array() || found->size() > kDescriptorsMax)
        return refuse(EPROTO, "{}: this should be a list of at most {} descriptors", key,
                      kDescriptorsMax);
    std::vector<Descriptor> descriptors;
    for (std::size_t i = 0; i < found->size(); ++i) {
        SR_TRY(Descriptor descriptor, while_doing(to_descriptor((*found)[i]), "{}[{}]", key, i));
        descriptors.push_back(std::move(descriptor));
    }
    return descriptors;
}

std::string text_of(const Platform& platform) {
    std::string text = platform.os + "/" + platform.architecture;
    return platform.variant.empty() ? text : text + "/" + platform.variant;
}

/// What is not said fits everything.
bool fits(const Platform& offered, const Platform& wanted) {
    if (offered == Platform{}) return true;
    return offered.os == wanted.os && offered.architecture == wanted.architecture &&
           (wanted.variant.empty() || offered.variant.empty() || offered.variant == wanted.variant);
}

std::string list_of(const std::vector<Descriptor>& manifests) {
    std::set<std::string> texts;
    for (const Descriptor& manifest : manifests) {
        if (!manifest.reference.empty()) texts.insert("'" + manifest.reference + "'");
        if (manifest.platform != Platform{}) texts.insert(text_of(manifest.platform));
    }
    std::string list;
    for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + text;
    return list.empty() ? "nothing with a name" : list;
}

}  // namespace

Result<OciDocument> parse_oci_document(std::string_view text) {
    SR_TRY(const Json json, parse(text));
    OciDocument document;
    // Both have "manifests" or "layers"; the media type may be missing.
    document.is_index = json.contains("manifests");
    if (document.is_index) {
        SR_TRY(document.manifests, descriptors_at(json, "manifests"));
        return document;
    }
    if (!json.contains("layers"))
        return refuse(EPROTO, "this is neither an image index nor an image manifest");
    SR_TRY(document.layers, descriptors_at(json, "layers"));
    const auto config = json.find("config");
    if (config == json.end()) return refuse(EPROTO, "config: missing");
    SR_TRY(document.config, while_doing(to_descriptor(*config), "config"));
    return document;
}

Result<image::RunConfig> parse_oci_config(std::string_view text) {
    SR_TRY(const Json json, parse(text));
    SR_TRY(const Json config, object_at(json, "config"));
    image::RunConfig run;
    SR_TRY(run.entrypoint, texts_at(config, "Entrypoint"));
    SR_TRY(run.command, texts_at(config, "Cmd"));
    SR_TRY(run.environment, texts_at(config, "Env"));
    SR_TRY(run.working_directory, text_at(config, "WorkingDir", kTextMax));
    SR_TRY(run.user, text_at(config, "User", kTextMax));
    return run;
}

Result<Platform> parse_platform(std::string_view text) {
    const std::size_t first = text.find('/');
    const std::size_t second = first == text.npos ? text.npos : text.find('/', first + 1);
    if (first == 0 || first == text.npos || first + 1 == text.size())
        return refuse(EINVAL, "'{}' is no platform: that is as in 'linux/arm64' or 'linux/arm/v7'",
                      text);
    Platform platform;
    platform.os = text.substr(0, first);
    platform.architecture = text.substr(first + 1, second - first - 1);
    if (second != text.npos) platform.variant = text.substr(second + 1);
    return platform;
}

Platform native_platform() {
    utsname names{};
    (void)::uname(&names);  // Fails for no valid buffer.
    const std::string_view machine = &names.machine[0];
    if (machine == "x86_64") return {"linux", "amd64", ""};
    if (machine == "aarch64") return {"linux", "arm64", ""};
    return {"linux", std::string(machine), ""};
}

Result<Descriptor> choose_manifest(const std::vector<Descriptor>& manifests,
                                   const Platform& platform, std::string_view reference) {
    std::vector<Descriptor> fitting;
    for (const Descriptor& manifest : manifests)
        if (fits(manifest.platform, platform) &&
            (reference.empty() || manifest.reference == reference))
            fitting.push_back(manifest);
    // The same image may stand there under several names.
    std::set<blob::Digest> digests;
    for (const Descriptor& manifest : fitting) digests.insert(manifest.digest);
    if (digests.size() == 1) return fitting.front();
    // One that says its platform is a better answer than those that say none.
    std::erase_if(fitting, [](const Descriptor& d) { return d.platform == Platform{}; });
    if (fitting.size() == 1) return fitting.front();
    if (digests.empty())
        return refuse(ENOENT, "the layout has no image{} for {}: there is {}",
                      reference.empty() ? std::string() : fmt::format(" '{}'", reference),
                      text_of(platform), list_of(manifests));
    return refuse(ENOENT,
                  "the layout has {} images: choose one with --reference or --platform, of {}",
                  digests.size(), list_of(manifests));
}

}  // namespace shardrun::importer
