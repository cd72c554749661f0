#include "importer/prior.h"

#include <algorithm>
#include <array>
#include <set>

#include "image/path.h"
#include "importer/library_search.h"
#include "importer/python_search.h"

namespace shardrun::importer {
namespace {

using image::Edge;
using image::EdgeReason;
using image::EntryType;

constexpr std::array kProgramFolders{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                     "/usr/bin",        "/sbin",          "/bin"};

class PriorMaker {
 public:
    PriorMaker(const Tree& tree, const std::vector<ContentFacts>& facts,
               const std::map<std::uint32_t, std::uint32_t>& entry_of_inode)
        : tree_(tree),
          facts_(facts),
          entry_of_inode_(entry_of_inode),
          libraries_(tree, facts),
          python_(tree) {}

    Prior make() {
        tree_.visit([&](const std::string& path, const Node& node) {
            if (!tree_.is_type(node, EntryType::file)) return;
            // A file with several names is looked at under the first.
            if (!seen_.insert(node.inode).second) return;
            from_ = entry_of_inode_.at(node.inode);
            look_at(path, facts_[tree_.inode_of(node).content]);
        });
        std::ranges::sort(edges_);
        const auto repeated = std::ranges::unique(edges_);
        edges_.erase(repeated.begin(), repeated.end());
        return {std::move(edges_), is_cut_short_};
    }

 private:
    void look_at(const std::string& path, const ContentFacts& facts) {
        if (facts.elf) look_at_elf(path, *facts.elf);
        look_at_shebang(facts.shebang);
        for (const PythonImport& import : facts.imports)
            python_.find(path, import,
                         [&](const Node& node) { add(&node, EdgeReason::python_import); });
        python_.find_caches(path, [&](const Node& node) { add(&node, EdgeReason::python_cache); });
        for (const std::string& named : facts.named_paths)
            add(tree_.resolve(named), EdgeReason::named_path);
    }

    void look_at_elf(const std::string& path, const ElfFacts& elf) {
        if (!elf.interpreter.empty()) add(tree_.resolve(elf.interpreter), EdgeReason::interpreter);
        for (const std::string& name : elf.needed)
            add(libraries_.find(elf, path, name), EdgeReason::library);
    }

    void look_at_shebang(const std::vector<std::string>& shebang) {
        if (shebang.empty()) return;
        add(tree_.resolve(shebang[0]), EdgeReason::shebang);
        if (image::last_name(shebang[0]) != "env") return;
        for (std::size_t i = 1; i < shebang.size(); ++i) {
            const std::string& word = shebang[i];
            if (word.starts_with('-') || word.find('=') != std::string::npos) continue;
            return add(find_program(word), EdgeReason::shebang);
        }
    }

    const Node* find_program(const std::string& name) const {
        for (const char* const folder : kProgramFolders)
            if (const Node* const node = tree_.resolve(std::string(folder) + "/" + name))
                return node;
        return nullptr;
    }

    void add(const Node* to, EdgeReason reason) {
        if (to == nullptr || !tree_.is_type(*to, EntryType::file)) return;
        const std::uint32_t index = entry_of_inode_.at(to->inode);
        if (index == from_) return;
        is_cut_short_ = is_cut_short_ || edges_.size() >= image::kEdgesMax;
        if (!is_cut_short_) edges_.push_back({from_, index, reason});
    }

    const Tree& tree_;
    const std::vector<ContentFacts>& facts_;
    const std::map<std::uint32_t, std::uint32_t>& entry_of_inode_;
    LibrarySearch libraries_;
    PythonSearch python_;
    std::set<std::uint32_t> seen_;
    std::uint32_t from_ = 0;
    std::vector<Edge> edges_;
    bool is_cut_short_ = false;
};

}  // namespace

Prior make_prior(const Tree& tree, const std::vector<ContentFacts>& facts,
                 const std::map<std::uint32_t, std::uint32_t>& entry_of_inode) {
    return PriorMaker(tree, facts, entry_of_inode).make();
}

}  // namespace shardrun::importer
