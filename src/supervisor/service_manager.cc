#include "supervisor/service_manager.h"

#include <dlfcn.h>
#include <systemd/sd-daemon.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "base/fail.h"
#include "base/log.h"

namespace shardrun::supervisor {

/// The three calls of libsystemd that are used, once it is loaded. Never unloaded.
struct ServiceManager::Library {
    decltype(&::sd_notify) notify = nullptr;
    decltype(&::sd_listen_fds) listen_fds = nullptr;
    decltype(&::sd_watchdog_enabled) watchdog_enabled = nullptr;
};

namespace {

template <class Function>
bool find_symbol(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    return function != nullptr;
}

// RELOADING=1 must say when it began, so that systemd can tell a new READY=1 from an old one.
std::string monotonic_us() {
    timespec time{};
    (void)::clock_gettime(CLOCK_MONOTONIC, &time);  // Cannot fail for a clock that exists.
    return std::to_string(std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000);
}

bool is_set(const char* variable) {
    return ::secure_getenv(variable) != nullptr;  // NOLINT(concurrency-mt-unsafe): one thread.
}

}  // namespace

ServiceManager::ServiceManager(std::unique_ptr<Library> library) : library_(std::move(library)) {}
ServiceManager::ServiceManager(ServiceManager&&) noexcept = default;
ServiceManager& ServiceManager::operator=(ServiceManager&&) noexcept = default;
ServiceManager::~ServiceManager() = default;

ServiceManager ServiceManager::none() {
    return ServiceManager(nullptr);
}

Result<ServiceManager> ServiceManager::load() {
    if (!is_set("NOTIFY_SOCKET") && !is_set("LISTEN_FDS")) return none();
    void* handle = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    auto library = std::make_unique<Library>();
    if (handle == nullptr || !find_symbol(handle, "sd_notify", library->notify) ||
        !find_symbol(handle, "sd_listen_fds", library->listen_fds) ||
        !find_symbol(handle, "sd_watchdog_enabled", library->watchdog_enabled))
        return refuse(
            ELIBACC,
            "systemd started us, but libsystemd.so.0 cannot be loaded; install libsystemd0");
    return ServiceManager(std::move(library));
}

Result<std::vector<UniqueFd>> ServiceManager::take_sockets() {
    std::vector<UniqueFd> sockets;
    if (!library_) return sockets;
    // 1: the variables are removed, so that no child believes it was meant. Sets FD_CLOEXEC too.
    const int count = library_->listen_fds(1);
    if (count < 0) return fail(-count, "take listening sockets from systemd");
    for (int i = 0; i < count; ++i) sockets.emplace_back(SD_LISTEN_FDS_START + i);
    return sockets;
}

void ServiceManager::notify(const std::string& state) {
    if (!library_) return;
    if (const int code = library_->notify(0, state.c_str()); code < 0)
        log(LogLevel::warning, "notify systemd: {}, ignoring", errno_text(-code));
}

void ServiceManager::notify_ready() {
    notify("READY=1\nSTATUS=Serving");
}

void ServiceManager::notify_reloading() {
    notify("RELOADING=1\nMONOTONIC_USEC=" + monotonic_us());
}

void ServiceManager::notify_stopping() {
    notify("STOPPING=1\nSTATUS=Draining");
}

void ServiceManager::notify_watchdog() {
    notify("WATCHDOG=1");
}

std::optional<std::chrono::microseconds> ServiceManager::watchdog_interval() const {
    std::uint64_t interval_us = 0;
    if (!library_ || library_->watchdog_enabled(0, &interval_us) <= 0) return std::nullopt;
    return std::chrono::microseconds(interval_us);
}

}  // namespace shardrun::supervisor
