#include "shard/failure_text.h"

#include <array>
#include <cstring>
#include <string>

#include "base/fail.h"

namespace shardrun::shard {
namespace {

using zygote::Failure;
using zygote::Step;

const char* words_of(Step step) {
    switch (step) {
        case Step::none:
            return "nothing";
        case Step::receive_request:
            return "take the order";
        case Step::make_namespaces:
            return "make a mount namespace";
        case Step::make_private:
            return "make mounts private";
        case Step::make_root:
            return "make the root";
        case Step::make_directory:
            return "make directory";
        case Step::make_symlink:
            return "make link";
        case Step::make_file:
            return "make file";
        case Step::make_node:
            return "make device node";
        case Step::clone_tree:
            return "clone the mount of";
        case Step::set_mount_attributes:
            return "restrict the mount of";
        case Step::attach_mount:
            return "attach the mount at";
        case Step::pivot_root:
            return "change the root";
        case Step::detach_old_root:
            return "detach the host's mounts";
        case Step::drop_bounding_set:
            return "drop the capability bounding set";
        case Step::map_filter:
            return "map the seccomp filter";
        case Step::clone_init:
            return "clone the shard's init into its cgroup and namespaces";
        case Step::make_cgroup_namespace:
            return "make a cgroup namespace";
        case Step::set_hostname:
            return "set host name";
        case Step::make_tmpfs:
            return "make the shard's tmpfs";
        case Step::make_devpts:
            return "mount devpts at";
        case Step::make_proc:
            return "mount proc at";
        case Step::mask_path:
            return "mask";
        case Step::enter_network:
            return "enter the network namespace";
        case Step::bring_up_loopback:
            return "bring up interface";
        case Step::make_user_namespace:
            return "make a user namespace:";
        case Step::restrict_files:
            return "restrict by Landlock";
        case Step::reduce_capabilities:
            return "reduce init's capabilities";
        case Step::clone_runner:
            return "clone a process for the program";
        case Step::drop_groups:
            return "drop supplementary groups";
        case Step::set_gid:
            return "set the gid";
        case Step::set_uid:
            return "set the uid";
        case Step::set_capabilities:
            return "set capabilities";
        case Step::set_no_new_privileges:
            return "set no_new_privs";
        case Step::load_filter:
            return "load the seccomp filter";
        case Step::open_terminal:
            return "open a pseudo-terminal:";
        case Step::map_arguments:
            return "map the arguments";
        case Step::set_stdio:
            return "set up stdio";
        case Step::set_file_limit:
            return "set the limit of open files";
        case Step::change_directory:
            return "change to directory";
        case Step::execute:
            return "execute";
        case Step::last:
            break;
    }
    return "an unknown step";
}

/// What a person can do about the failures that people cause.
const char* remedy_of(const Failure& failure) {
    const int error = failure.error;
    if (failure.step == Step::execute && error == ENOENT)
        return "; the program, or the interpreter it names, is not in the shard, which shows its "
               "image, or without one shard.read_only_paths alone";
    if (failure.step == Step::execute && error == EACCES)
        return "; it is not executable for the shard's uid";
    if (failure.step == Step::execute && error == ENOEXEC)
        return "; it is neither a program nor a script with '#!'";
    if (failure.step == Step::execute && error == E2BIG)
        return "; fewer or shorter arguments and environment";
    if (failure.step == Step::clone_runner && error == EAGAIN)
        return "; the shard is at its pids.max: raise it";
    if (failure.step == Step::set_file_limit)
        return "; limits.files_max is above the supervisor's own hard limit";
    if (failure.step == Step::change_directory)
        return "; the working directory must exist inside the shard";
    if (failure.step == Step::clone_init && error == ENOSPC)
        return "; a limit of namespaces is reached: raise user.max_*_namespaces";
    if (failure.step == Step::clone_init && error == EAGAIN)
        return "; a process limit of the host is reached";
    return "";
}

}  // namespace

Error describe_failure(const Failure& failure) {
    const std::size_t size = ::strnlen(failure.object, sizeof(failure.object));
    const std::string object(failure.object, size);
    const std::string what = object.empty()
                                 ? words_of(failure.step)
                                 : fmt::format("{} '{}'", words_of(failure.step), object);
    return {failure.error,
            fmt::format("{}: {}{}", what, errno_text(failure.error), remedy_of(failure))};
}

}  // namespace shardrun::shard
