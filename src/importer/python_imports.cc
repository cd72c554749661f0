#include "importer/python_imports.h"

#include <algorithm>
#include <utility>

namespace shardrun::importer {
namespace {

constexpr std::size_t kNameMax = 255;

bool is_name_char(char c) {
    // Beyond ASCII everything counts as a letter.
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

/// A name, or one other character; '\n' ends a statement, '\0' the source.
struct Token {
    char kind = '\0';  // 'a' for a name
    std::string_view name{};
};

class Tokens {
 public:
    explicit Tokens(std::string_view source) : rest_(source) {}

    Token next() {
        while (!rest_.empty()) {
            const char c = rest_.front();
            if (c == '#') {
                skip_to_line_end();
            } else if (c == '\\') {
                rest_.remove_prefix(rest_.size() > 1 ? 2 : 1);  // The line goes on.
            } else if (c == '"' || c == '\'') {
                skip_string(c);
                return {'s'};
            } else if (is_name_char(c)) {
                return take_name();
            } else {
                rest_.remove_prefix(1);
                if (const char kind = meaning_of(c); kind != ' ') return {kind};
            }
        }
        return {};
    }

 private:
    /// ' ' for what separates only.
    char meaning_of(char c) {
        if (c == '(' || c == '[' || c == '{') ++depth_;
        if ((c == ')' || c == ']' || c == '}') && depth_ > 0) --depth_;
        if (c == '\n' || c == '\r') return depth_ == 0 ? '\n' : ' ';
        // NUL stands in no source; it shall not look like the end.
        return c == '\t' || c == '\f' || c == '\0' ? ' ' : c;
    }

    Token take_name() {
        std::size_t size = 1;
        while (size < rest_.size() && is_name_char(rest_[size])) ++size;
        const std::string_view name = rest_.substr(0, size);
        rest_.remove_prefix(size);
        // r"…", f'…': the letters belong to the string.
        const bool is_prefix =
            size <= 2 && !rest_.empty() && (rest_.front() == '"' || rest_.front() == '\'');
        return is_prefix ? next() : Token{'a', name};
    }

    void skip_to_line_end() { rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size())); }

    void skip_string(char quote) {
        const std::string triple(3, quote);
        const bool is_long = rest_.starts_with(triple);
        rest_.remove_prefix(is_long ? 3 : 1);
        while (!rest_.empty()) {
            if (rest_.front() == '\\') {
                rest_.remove_prefix(std::min<std::size_t>(2, rest_.size()));
            } else if (is_long ? rest_.starts_with(triple) : rest_.front() == quote) {
                rest_.remove_prefix(is_long ? 3 : 1);
                return;
            } else if (!is_long && rest_.front() == '\n') {
                return;  // It is not closed; the next line is code again.
            } else {
                rest_.remove_prefix(1);
            }
        }
    }

    std::string_view rest_;
    unsigned depth_ = 0;
};

class Scanner {
 public:
    explicit Scanner(std::string_view source) : tokens_(source) { advance(); }

    std::vector<PythonImport> scan() {
        bool is_statement_start = true;
        while (token_.kind != '\0' && imports_.size() < kPythonImportsMax) {
            const Token first = token_;
            advance();
            if (is_statement_start && first.kind == 'a' && first.name == "import") take_import();
            if (is_statement_start && first.kind == 'a' && first.name == "from") take_from();
            // "try: import x", and the statements of one line.
            is_statement_start = first.kind == '\n' || first.kind == ';' || first.kind == ':';
        }
        return std::move(imports_);
    }

 private:
    void advance() { token_ = tokens_.next(); }

    bool accept(std::string_view word) {
        if (token_.kind != 'a' || token_.name != word) return false;
        advance();
        return true;
    }

    bool accept(char kind) {
        if (token_.kind != kind) return false;
        advance();
        return true;
    }

    /// Empty when there is none.
    std::string take_dotted_name() {
        std::string name;
        while (token_.kind == 'a' && token_.name.size() <= kNameMax &&
               name.size() <= 4 * kNameMax) {
            name += token_.name;
            advance();
            if (!accept('.')) break;
            name += '.';
        }
        return name;
    }

    void skip_alias() {
        if (accept("as") && token_.kind == 'a') advance();
    }

    void take_import() {
        do {
            std::string module = take_dotted_name();
            if (module.empty() || imports_.size() >= kPythonImportsMax) return;
            imports_.push_back({0, std::move(module), {}});
            skip_alias();
        } while (accept(','));
    }

    void take_from() {
        PythonImport import;
        while (accept('.')) ++import.level;
        if (token_.kind == 'a' && token_.name != "import") import.module = take_dotted_name();
        if ((import.level == 0 && import.module.empty()) || !accept("import")) return;
        (void)accept('(');  // Around the names, or not there.
        while (token_.kind == 'a' && token_.name.size() <= kNameMax &&
               import.names.size() < kPythonNamesMax) {
            import.names.emplace_back(token_.name);
            advance();
            skip_alias();
            if (!accept(',')) break;
        }
        imports_.push_back(std::move(import));
    }

    Tokens tokens_;
    Token token_;
    std::vector<PythonImport> imports_;
};

}  // namespace

std::vector<PythonImport> find_python_imports(std::string_view source) {
    if (source.starts_with("\xef\xbb\xbf")) source.remove_prefix(3);
    return Scanner(source).scan();
}

}  // namespace shardrun::importer
