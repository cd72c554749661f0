#include "importer/content_facts.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "image/path.h"
#include "importer/named_paths.h"

namespace shardrun::importer {
namespace {

constexpr std::size_t kElfHeadMax = std::size_t{16} << 20U;
constexpr std::size_t kTextHeadMax = std::size_t{1} << 20U;
constexpr std::size_t kPieceMax = std::size_t{1} << 20U;
constexpr std::size_t kHeadersSize = 4096;  // Program headers follow the ELF header.

using namespace std::string_view_literals;

constexpr std::array kConfigurationEndings{
    ".conf"sv,   ".cfg"sv,   ".cnf"sv,    ".config"sv,     ".ini"sv, ".toml"sv,
    ".yaml"sv,   ".yml"sv,   ".env"sv,    ".properties"sv, ".rc"sv,  ".service"sv,
    ".socket"sv, ".timer"sv, ".target"sv, ".desktop"sv,    ".pth"sv, ".rules"sv};
constexpr std::array kCodeEndings{".py"sv,    ".pyc"sv,  ".so"sv,  ".pl"sv,  ".pm"sv,
                                  ".rb"sv,    ".js"sv,   ".mjs"sv, ".cjs"sv, ".sh"sv,
                                  ".bash"sv,  ".lua"sv,  ".php"sv, ".tcl"sv, ".jar"sv,
                                  ".class"sv, ".wasm"sv, ".ko"sv,  ".el"sv,  ".elc"sv};

template <std::size_t N>
bool has_ending(std::string_view path, const std::array<std::string_view, N>& endings) {
    return std::ranges::any_of(endings,
                               [&](std::string_view ending) { return path.ends_with(ending); });
}

bool is_ld_so_conf(std::string_view path) {
    return path == "etc/ld.so.conf" ||
           (path.starts_with("etc/ld.so.conf.d/") && path.ends_with(".conf"));
}

bool is_shell(std::string_view interpreter) {
    const std::string_view name = image::last_name(interpreter);
    return name == "sh" || name == "bash" || name == "dash" || name == "ash" || name == "zsh";
}

bool is_python(std::string_view interpreter) {
    return image::last_name(interpreter).starts_with("python");
}

std::span<const std::byte>::iterator at(std::span<const std::byte> bytes, std::size_t index) {
    return bytes.begin() + static_cast<std::ptrdiff_t>(index);
}

/// The program behind "#!", also when env looks for it.
std::string_view program_of(const std::vector<std::string>& shebang) {
    if (shebang.empty()) return {};
    if (image::last_name(shebang[0]) != "env") return shebang[0];
    const auto word = std::find_if(shebang.begin() + 1, shebang.end(),
                                   [](const std::string& w) { return !w.starts_with('-'); });
    return word == shebang.end() ? std::string_view() : *word;
}

}  // namespace

bool is_configuration_name(std::string_view path) {
    return image::is_within(path, "etc") || has_ending(path, kConfigurationEndings);
}

bool is_code_name(std::string_view path) {
    return has_ending(path, kCodeEndings) || path.find(".so.") != std::string_view::npos;
}

std::size_t ContentFacts::size_bytes() const {
    std::size_t size = sizeof(ContentFacts);
    const auto add = [&](const std::vector<std::string>& texts) {
        for (const std::string& text : texts) size += sizeof(std::string) + text.size();
    };
    add(shebang);
    add(named_paths);
    add(library_folders);
    if (elf) add(elf->needed);
    for (const PythonImport& import : imports) {
        size += sizeof(PythonImport) + import.module.size();
        add(import.names);
    }
    return size;
}

void ContentProbe::begin(std::string_view path, bool is_executable) {
    path_ = path;
    is_executable_ = is_executable;
    size_bytes_ = 0;
    head_.clear();
    wanted_.reset();
    piece_.clear();
}

std::size_t ContentProbe::head_max() const {
    return is_elf(head_) ? kElfHeadMax : kTextHeadMax;
}

void ContentProbe::take(std::span<const std::byte> bytes) {
    if (size_bytes_ == head_.size() && head_.size() < head_max()) {
        // The first bytes say how many are wanted.
        const std::size_t first = std::min(bytes.size(), kHeadersSize);
        if (head_.empty()) head_.assign(bytes.begin(), at(bytes, first));
        const std::size_t begin = head_.size() - size_bytes_;
        const std::size_t end = std::min(bytes.size(), head_max() - size_bytes_);
        if (begin < end) head_.insert(head_.end(), at(bytes, begin), at(bytes, end));
    }
    if (!wanted_ && head_.size() >= kHeadersSize && is_elf(head_))
        wanted_ = find_dynamic_section(head_).value_or(FileRange{});
    keep_piece(bytes);
    size_bytes_ += bytes.size();
}

/// What of these bytes belongs to the dynamic section, if the head does not have it.
void ContentProbe::keep_piece(std::span<const std::byte> bytes) {
    if (!wanted_ || wanted_->size_bytes > kPieceMax) return;
    const std::uint64_t next = wanted_->offset + piece_.size();
    if (piece_.size() >= wanted_->size_bytes || next < size_bytes_ ||
        next - size_bytes_ >= bytes.size())
        return;
    const auto rest = bytes.subspan(next - size_bytes_);
    const std::size_t size =
        std::min<std::size_t>(rest.size(), wanted_->size_bytes - piece_.size());
    piece_.insert(piece_.end(), rest.begin(), at(rest, size));
}

/// Empty for what is no text.
std::string_view ContentProbe::text() const {
    const std::string_view text(reinterpret_cast<const char*>(head_.data()), head_.size());
    return text.find('\0') == std::string_view::npos ? text : std::string_view();
}

ContentFacts ContentProbe::finish() {
    ContentFacts facts;
    if (is_elf(head_)) {
        facts.elf = parse_elf({head_, piece_, wanted_ ? wanted_->offset : 0});
    } else {
        const std::string_view source = text();
        facts.shebang = parse_shebang(source);
        const std::string_view program = program_of(facts.shebang);
        if (path_.ends_with(".py") || is_python(program))
            facts.imports = find_python_imports(source);
        if (is_configuration_name(path_) || path_.ends_with(".sh") || is_shell(program))
            // The interpreter is told by itself already.
            facts.named_paths = find_named_paths(
                facts.shebang.empty() ? source
                                      : source.substr(std::min(source.find('\n'), source.size())));
        if (is_ld_so_conf(path_)) facts.library_folders = parse_ld_so_conf(source);
    }
    facts.kind = kind_of(facts);
    return facts;
}

BlobKind ContentProbe::kind_of(const ContentFacts& facts) const {
    if (is_elf(head_) || !facts.shebang.empty() || is_code_name(path_)) return BlobKind::code;
    if (is_configuration_name(path_)) return BlobKind::configuration;
    return is_executable_ && size_bytes_ > 0 ? BlobKind::code : BlobKind::data;
}

}  // namespace shardrun::importer
