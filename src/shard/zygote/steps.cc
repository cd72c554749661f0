#include "shard/zygote/steps.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/socket.h>

namespace shardrun::shard::zygote {

bool succeeded(long result, Failure& failure, Step step, const char* object) {
    if (result >= 0) return true;
    failure.step = step;
    failure.error = static_cast<std::int32_t>(-result);
    std::size_t length = text_size(object);
    if (length >= kObjectSizeMax) length = kObjectSizeMax - 1;
    for (std::size_t i = 0; i < length; ++i) failure.object[i] = object[i];
    failure.object[length] = '\0';
    return false;
}

Received receive_datagram(int socket, void* buffer, std::size_t size, int flags) {
    Received received;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(received.fds))] = {};
    iovec part{buffer, size};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
    do {
        received.size = raw_call(SYS_recvmsg, socket, as_long(&header),
                                 static_cast<long>(MSG_CMSG_CLOEXEC | flags));
    } while (received.size == -4);  // EINTR
    if (received.size <= 0) return received;
    for (cmsghdr* part_of = CMSG_FIRSTHDR(&header); part_of != nullptr;
         part_of = CMSG_NXTHDR(&header, part_of)) {
        if (part_of->cmsg_level != SOL_SOCKET || part_of->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part_of->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count && received.fd_count < 8; ++i)
            received.fds[received.fd_count++] = reinterpret_cast<const int*>(CMSG_DATA(part_of))[i];
    }
    return received;
}

long send_datagram(int socket, const void* data, std::size_t size, int fd) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec part{const_cast<void*>(data), size};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (fd >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof(control);
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        *reinterpret_cast<int*>(CMSG_DATA(rights)) = fd;
    }
    long sent = 0;
    do {
        sent = raw_call(SYS_sendmsg, socket, as_long(&header), MSG_NOSIGNAL);
    } while (sent == -4);  // EINTR
    return sent;
}

std::size_t text_size(const char* text) {
    std::size_t size = 0;
    while (text[size] != '\0') ++size;
    return size;
}

bool is_same_text(const char* a, const char* b) {
    while (*a != '\0' && *a == *b) {
        ++a;
        ++b;
    }
    return *a == *b;
}

bool PlanWalk::next() {
    if (at_ + sizeof(PlanEntry) > end_) return false;
    current_ = at_;
    const std::size_t size = sizeof(PlanEntry) + entry().path_size + entry().argument_size;
    at_ += (size + 7U) & ~std::size_t{7};
    return at_ <= end_;
}

bool attach(int tree, const char* target, Failure& failure) {
    const long attached = raw_call(SYS_move_mount, tree, as_long(""), AT_FDCWD, as_long(target),
                                   MOVE_MOUNT_F_EMPTY_PATH);
    return succeeded(attached, failure, Step::attach_mount, target);
}

int clone_tree(const char* source, bool recursive, Failure& failure) {
    const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0U);
    const long tree = raw_call(SYS_open_tree, AT_FDCWD, as_long(source), static_cast<long>(flags));
    return succeeded(tree, failure, Step::clone_tree, source) ? static_cast<int>(tree) : -1;
}

bool restrict_tree(int tree, unsigned long attributes, bool recursive, const char* object,
                   Failure& failure) {
    mount_attr attr{};
    attr.attr_set = attributes;
    const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
    const long done = raw_call(SYS_mount_setattr, tree, as_long(""), static_cast<long>(flags),
                               as_long(&attr), sizeof(attr));
    return succeeded(done, failure, Step::set_mount_attributes, object);
}

long make_mount(const char* type, const FsOption* options, std::size_t option_count,
                unsigned long attributes) {
    const long context = raw_call(SYS_fsopen, as_long(type), FSOPEN_CLOEXEC);
    if (context < 0) return context;
    long done = 0;
    for (std::size_t i = 0; i < option_count && done >= 0; ++i) {
        const bool is_flag = options[i].value == nullptr;
        done = raw_call(SYS_fsconfig, context, is_flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING,
                        as_long(options[i].key), as_long(options[i].value), 0);
    }
    if (done >= 0) done = raw_call(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
    if (done >= 0)
        done = raw_call(SYS_fsmount, context, FSMOUNT_CLOEXEC, static_cast<long>(attributes));
    raw_close(static_cast<int>(context));
    return done;
}

const char* decimal(std::uint64_t value, char (&buffer)[24]) {
    char* at = buffer + sizeof(buffer) - 1;
    *at = '\0';
    do {
        *--at = static_cast<char>('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return at;
}

}  // namespace shardrun::shard::zygote
