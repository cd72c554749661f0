#pragma once

// System calls without a C library: the zygote and its children share memory and must not share an
// errno, and a process of a few pages is cheap to fork.

#include <sys/syscall.h>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace shardrun::shard::zygote {

static_assert(sizeof(long) == 8);
#ifndef __x86_64__
#error "the zygote speaks x86-64 system calls only"
#endif

/// Returns the kernel's value: a negative errno on failure.
inline long raw_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                     long f = 0) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result = number;
    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

template <class T>
long as_long(const T* pointer) {
    return std::bit_cast<long>(pointer);
}

/// The other way, for an address that the kernel gave.
template <class T>
const T* as_pointer(long address) {
    return std::bit_cast<const T*>(address);
}

/// clone3 for a child that shares this memory: it runs `function(argument)` on its own stack and
/// must not return.
inline long clone_sharing_memory(void* clone_args, std::size_t size, void (*function)(void*),
                                 void* argument) {
    long result = SYS_clone3;
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %[argument], %%rdi\n\t"
        "call *%[function]\n\t"
        "hlt\n"
        "1:"
        : "+a"(result)
        : "D"(clone_args), "S"(size), [function] "r"(function), [argument] "r"(argument)
        : "rcx", "r11", "memory");
    return result;
}

[[noreturn]] inline void raw_exit(int status) {
    for (;;) raw_call(SYS_exit_group, status);
}

inline long raw_close(int fd) {
    return raw_call(SYS_close, fd);
}

}  // namespace shardrun::shard::zygote
