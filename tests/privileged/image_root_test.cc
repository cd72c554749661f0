// A shard whose root is an image's tree, on the backend itself: a tree source of this test stands
// in for the store.
#include <fcntl.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "base/fail.h"
#include "privileged/needs.h"
#include "privileged/testbed.h"
#include "shard/linux_backend.h"
#include "sys/real_clock.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

using namespace shardrun::shard;

/// A folder with a program that needs no other file, cloned as a mount.
class FolderTree final : public TreeSource {
 public:
    FolderTree() {
        std::array<char, 32> name{"/var/tmp/shardrun-tree-XXXXXX"};
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        folder_ = name.data();
        std::filesystem::permissions(folder_, std::filesystem::perms(0755));
        for (const char* top : {"dev", "proc", "sys", "tmp", "run", "blobs"})
            std::filesystem::create_directory(folder_ / top);
        const std::filesystem::path built = ::getenv("SHARDRUN_TEST_PROGRAMS");
        std::filesystem::copy_file(built / "programs/syscall_probe", folder_ / "probe");
    }
    ~FolderTree() override { std::filesystem::remove_all(folder_); }

    void open_tree(const std::string& image, const TreeUser&, OnTree on_tree) override {
        on_tree(clone(image));
    }
    void release_shard(const TreeUser&) override {}
    void release_slice(SliceId) override {}
    void set_listener(TreeListener*) override {}
    void prefetch(const TreeUser&, std::uint64_t, const std::string&) override {}
    void load_blob(std::uint64_t, const std::string&, sys::UniqueFd) override {}
    void open_blob(std::uint64_t, const std::string&) override {}

 private:
    Result<TreeRoot> clone(const std::string& image) const {
        if (image != "tree") return fail(ENOENT, "find image '{}'", image);
        sys::UniqueFd tree(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, folder_.c_str(),
                                                      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
        if (!tree) return fail_errno("clone '{}'", folder_.string());
        return TreeRoot{std::move(tree), {}};
    }

    std::filesystem::path folder_;
};

struct Outcomes final : BackendListener {
    bool is_prepared = false;
    std::optional<Error> error;
    std::optional<ProgramExit> exit;
    bool is_reclaimed = false;

    void forget() {
        is_prepared = is_reclaimed = false;
        error.reset();
        exit.reset();
    }

    void on_prepared(ShardId, const Prepared&) override { is_prepared = true; }
    void on_failed(ShardId, const Error& what) override { error = what; }
    void on_died(ShardId, DeathCause) override { error = Error{ECHILD, "the shard died"}; }
    void on_reclaimed(ShardId) override { is_reclaimed = true; }
    void on_reclaim_failed(ShardId, const Error& what) override { error = what; }
    void on_started(ShardId, ProgramId, const Started&) override {}
    void on_program_failed(ShardId, ProgramId, const Error& what) override { error = what; }
    void on_stopped(ShardId, ProgramId, int) override {}
    void on_continued(ShardId, ProgramId) override {}
    void on_exited(ShardId, ProgramId, const ProgramExit& how) override { exit = how; }
    void on_limits_applied(ShardId, const std::optional<Error>&) override {}
    void on_status(ShardId, std::uint64_t, const Result<ShardStatus>&) override {}
    void on_blob(std::uint64_t, const BlobReport&) override {}
    void on_file_used(SliceId, ShardId, const BlobReport&) override {}
};

/// One backend, one shard at a time.
class Backends {
 public:
    explicit Backends(TreeSource* trees) {
        BackendOptions options;
        options.best_effort = true;
        options.cgroup_root = "shardrun-image-test-" + std::to_string(::getpid());
        options.trees = trees;
        backend_ = must(LinuxBackend::create(options, *loop_, fds_, outcomes));
    }

    /// Runs a program in a new shard of the image to its end; its standard output goes to `output`.
    void run(const std::string& image, const std::string& program, int output) {
        ShardSpec spec;
        spec.id = ShardId{++last_};
        spec.slice = SliceId{last_};
        spec.uid = static_cast<uid_t>(1'950'000'000 + last_);
        spec.limits.tmpfs_size_max_bytes = 16U << 20U;
        spec.image = image;
        outcomes.forget();
        backend_->prepare_shard(spec);
        await([this] { return outcomes.is_prepared; });
        if (outcomes.is_prepared) execute(spec.id, program, output);
        backend_->destroy_shard(spec.id);
        while (!outcomes.is_reclaimed) must(loop_->run_once());
        backend_->remove_slice(spec.slice);
    }

    Outcomes outcomes;

 private:
    void execute(ShardId shard, const std::string& program, int output) {
        ProgramSpec spec;
        spec.id = ProgramId{1};
        spec.argv = {program};
        for (const int fd : {output, output, output})
            spec.stdio.push_back(fds_.insert(sys::UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0))));
        backend_->run_program(shard, spec);
        await([this] { return outcomes.exit.has_value(); });
    }

    void await(const std::function<bool()>& is_done) {
        while (!is_done() && !outcomes.error) must(loop_->run_once());
    }

    sys::RealClock clock_;
    std::unique_ptr<sys::EventLoop> loop_ = must(sys::EventLoop::create(clock_));
    sys::FdTable fds_;
    std::unique_ptr<LinuxBackend> backend_;
    std::uint64_t last_ = 0;
};

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("the image's tree is the root: its programs run, the host's are not there") {
    FolderTree tree;
    Backends backends(&tree);
    const std::string path = "/var/tmp/shardrun-image-output-" + std::to_string(::getpid());
    const UniqueFd output(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    REQUIRE(output);
    backends.run("tree", "/probe", output.get());
    REQUIRE(backends.outcomes.exit);
    CHECK(backends.outcomes.exit->status == 0);
    CHECK(read_file(path).ends_with("{\"call\":\"end\"}\n"));
    backends.run("tree", "/usr/bin/true", output.get());
    REQUIRE(backends.outcomes.error);
    CHECK(backends.outcomes.error->code == ENOENT);
    std::filesystem::remove(path);
}

TEST_CASE("an image that is not there is refused, and the next shard is born") {
    FolderTree tree;
    Backends backends(&tree);
    backends.run("other", "/probe", STDERR_FILENO);
    REQUIRE(backends.outcomes.error);
    CHECK(backends.outcomes.error->code == ENOENT);
    backends.run("", "/usr/bin/true", STDERR_FILENO);
    REQUIRE(backends.outcomes.exit);
    CHECK(backends.outcomes.exit->status == 0);
}

TEST_CASE("without a tree source every image is refused") {
    Backends backends(nullptr);
    backends.run("tree", "/probe", STDERR_FILENO);
    REQUIRE(backends.outcomes.error);
    CHECK(backends.outcomes.error->code == ENOENT);
}

}  // namespace shardrun::test
