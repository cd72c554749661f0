#include "importer/emit.h"

#include <map>

#include "base/fail.h"
#include "importer/prior.h"

namespace shardrun::importer {
namespace {

using image::EntryType;

/// The number of a file's content in place of its digest; see image/import_frame.h.
blob::Digest numbered(std::uint32_t content) {
    blob::Digest digest;
    for (std::size_t i = 0; i < sizeof content; ++i)
        digest.bytes[i] = static_cast<std::byte>(content >> (8 * i));
    return digest;
}

class Emitter {
 public:
    explicit Emitter(Context& context) : context_(context) {}

    Result<void> run() {
        Result<void> done;
        context_.tree.visit([&](const std::string& path, const Node& node) {
            if (done) done = write(path, node);
        });
        SR_DO(done);
        const Prior prior = make_prior(context_.tree, context_.content.facts(), entry_of_inode_);
        SR_DO(context_.output.write_edges(prior.edges));
        SR_DO(context_.output.write_run_config(context_.run));
        SR_DO(write_notes(prior));
        SR_DO(context_.output.write_progress(context_.budget.input_bytes()));
        return context_.output.write_done(count_);
    }

 private:
    Result<void> write(const std::string& path, const Node& node) {
        const Inode& inode = context_.tree.inode_of(node);
        image::Entry entry = inode.attributes;
        entry.path = path;
        if (entry.type == EntryType::file) {
            const auto [first, is_new] = entry_of_inode_.try_emplace(node.inode, count_);
            if (is_new) {
                entry.digest = numbered(inode.content);
                entry.kind = context_.content.facts()[inode.content].kind;
            } else {
                entry = image::Entry{.path = path, .type = EntryType::hard_link};
                entry.link_to = first->second;
            }
        }
        ++count_;
        return context_.output.write_entry(entry);
    }

    Result<void> write_notes(const Prior& prior) {
        if (context_.skipped_special > 0)
            SR_DO(context_.output.write_note(fmt::format(
                "{} device nodes, FIFOs and sockets were left out", context_.skipped_special)));
        if (prior.is_cut_short || context_.content.is_forgetful())
            SR_DO(context_.output.write_note(
                "the image is too large for its whole static prior: a part was left out"));
        return {};
    }

    Context& context_;
    std::map<std::uint32_t, std::uint32_t> entry_of_inode_;
    std::uint32_t count_ = 0;
};

}  // namespace

Result<void> emit_image(Context& context) {
    return Emitter(context).run();
}

}  // namespace shardrun::importer
