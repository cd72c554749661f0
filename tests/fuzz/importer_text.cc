// Texts of an image: Python sources, configuration, scripts, the dynamic linker's settings.

#include <span>
#include <string_view>

#include "base/fail.h"
#include "importer/content_facts.h"
#include "importer/named_paths.h"
#include "importer/python_imports.h"
#include "importer/tree.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shardrun::importer;
    // One char is as good as another: a view needs no copy.
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto imports = find_python_imports(text);
    SR_ASSERT(imports.size() <= kPythonImportsMax);
    for (const PythonImport& import : imports) {
        SR_ASSERT(import.names.size() <= kPythonNamesMax && import.module.size() < 2048);
        SR_ASSERT(import.level > 0 || !import.module.empty());
    }
    const auto paths = find_named_paths(text);
    SR_ASSERT(paths.size() <= kNamedPathsMax);
    for (const std::string& path : paths) SR_ASSERT(path.starts_with('/') && path.size() > 1);
    for (const std::string& word : parse_shebang(text)) SR_ASSERT(!word.empty());
    (void)parse_ld_so_conf(text);
    if (const auto path = canonical_path(text)) SR_ASSERT(*canonical_path(*path) == *path);
    for (const char* const name : {"a.py", "etc/ld.so.conf", "a.sh"}) {
        ContentProbe probe;
        probe.begin(name, false);
        probe.take(std::as_bytes(std::span(data, size)));
        (void)probe.finish();
    }
    return 0;
}
