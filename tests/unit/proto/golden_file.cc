#include "golden_file.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace shardrun::proto {
namespace {

int code_of(const std::string& name) {
    static const std::map<std::string, int> kCodes{
        {"EPROTO", EPROTO}, {"EMSGSIZE", EMSGSIZE}, {"EPROTONOSUPPORT", EPROTONOSUPPORT}};
    return kCodes.at(name);
}

void read_hex(std::istream& in, std::vector<std::byte>& bytes) {
    unsigned value = 0;
    while (in >> std::hex >> value) bytes.push_back(static_cast<std::byte>(value));
    if (!in.eof()) throw std::runtime_error("a golden vector with something else than hex");
}

GoldenFile load(const std::filesystem::path& path) {
    GoldenFile file;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line) && !line.empty();) {
        std::istringstream words(line);
        std::string name;
        std::string code;
        words >> name;
        if (name == "unknown:") file.has_unknown = true;
        if (name != "refused:") continue;
        words >> code >> file.offset_bytes;
        file.is_refusal = true;
        file.code = code_of(code);
    }
    read_hex(in, file.bytes);
    return file;
}

std::map<std::string, GoldenFile> load_all() {
    std::map<std::string, GoldenFile> files;
    for (const auto& entry : std::filesystem::directory_iterator(SR_GOLDEN_DIR))
        if (entry.path().extension() == ".hex") files[entry.path().stem()] = load(entry.path());
    return files;
}

}  // namespace

const std::map<std::string, GoldenFile>& golden_files() {
    static const std::map<std::string, GoldenFile> kFiles = load_all();
    return kFiles;
}

}  // namespace shardrun::proto
