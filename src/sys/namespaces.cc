#include "sys/namespaces.h"

#include <sys/stat.h>

namespace shardrun::sys {

std::string own_namespaces(pid_t process) {
    std::string names;
    for (const std::string name : {"mnt", "pid", "net", "ipc", "uts", "cgroup", "user"}) {
        struct stat theirs {};
        struct stat ours {};
        const std::string path = "/proc/" + std::to_string(process) + "/ns/" + name;
        if (::stat(path.c_str(), &theirs) != 0) continue;
        if (::stat(("/proc/self/ns/" + name).c_str(), &ours) != 0) continue;
        if (theirs.st_ino == ours.st_ino) continue;
        names.append(names.empty() ? "" : " ").append(name);
    }
    return names;
}

}  // namespace shardrun::sys
