// Tries to take more than a shard may have, in one way per word:
//   hog cpu THREADS      says "ready" and computes forever
//   hog memory MIB       touches so much and says "touched"; then waits
//   hog fork             forks until it may not; says how many children, and why no more; waits
//   hog files            opens files until it may not; says how many are open, and why no more
//   hog fill PATH        writes a file until it may not; says how many MiB, and why no more
//   hog read PATH MIB    reads past the page cache; says how many ms it took
//   hog write MIB        writes to standard input past the page cache; says how many ms it took
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

namespace {

constexpr std::size_t kMiB = 1U << 20U;

// Printed at once: the test waits for the line, and the next step may be our death.
void say(long number, const char* word) {
    std::printf("%ld %s\n", number, word);
    (void)std::fflush(stdout);
}

[[noreturn]] void wait_forever() {
    for (;;) ::pause();
}

[[noreturn]] void spin() {
    for (volatile unsigned turns = 0;;) turns = turns + 1;
}

int take_cpu(int threads) {
    for (int i = 1; i < threads; ++i) std::thread(spin).detach();
    say(threads, "ready");
    spin();
}

int take_memory(std::size_t size_mib) {
    void* memory = ::mmap(nullptr, size_mib * kMiB, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    std::memset(memory, 1, size_mib * kMiB);
    say(static_cast<long>(size_mib), "touched");
    wait_forever();
}

int take_pids() {
    long children = 0;
    for (;; ++children) {
        const pid_t child = ::fork();
        if (child == 0) wait_forever();
        if (child < 0) break;
    }
    say(children, std::strerror(errno));
    wait_forever();
}

int take_files() {
    long opened = 3;
    while (::open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) ++opened;
    say(opened, std::strerror(errno));
    return 0;
}

int take_space(const char* path) {
    const int file = ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return 1;
    const std::string block(kMiB / 4, 'x');
    std::size_t written = 0;
    ssize_t length = 0;
    while ((length = ::write(file, block.data(), block.size())) > 0)
        written += static_cast<std::size_t>(length);  // The last one before the end may be short.
    say(static_cast<long>(written / kMiB), std::strerror(errno));
    return 0;
}

template <class Transfer>
int take_disk(std::size_t size_mib, Transfer transfer) {
    void* block = std::aligned_alloc(4096, kMiB / 4);
    if (block == nullptr) return 1;
    std::memset(block, 1, kMiB / 4);
    const auto started = std::chrono::steady_clock::now();
    for (std::size_t done = 0; done < size_mib * kMiB; done += kMiB / 4) {
        if (transfer(block, kMiB / 4, static_cast<off_t>(done)) != kMiB / 4) return 1;
    }
    const auto elapsed = std::chrono::steady_clock::now() - started;
    say(std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count(), "ms");
    std::free(block);
    return 0;
}

int read_disk(const char* path, std::size_t size_mib) {
    const int file = ::open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (file < 0) return 1;
    return take_disk(size_mib, [&](void* block, std::size_t size, off_t offset) {
        return ::pread(file, block, size, offset);
    });
}

int write_disk(std::size_t size_mib) {
    return take_disk(size_mib, [&](void* block, std::size_t size, off_t offset) {
        return ::pwrite(STDIN_FILENO, block, size, offset);
    });
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    const char* first = argc > 2 ? argv[2] : "0";
    if (what == "cpu") return take_cpu(std::atoi(first));
    if (what == "memory") return take_memory(std::strtoul(first, nullptr, 10));
    if (what == "fork") return take_pids();
    if (what == "files") return take_files();
    if (what == "fill") return take_space(first);
    if (what == "read" && argc > 3) return read_disk(first, std::strtoul(argv[3], nullptr, 10));
    if (what == "write") return write_disk(std::strtoul(first, nullptr, 10));
    return 2;
}
