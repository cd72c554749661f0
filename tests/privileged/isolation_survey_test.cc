#include "privileged/inside.h"
#include "privileged/needs.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

void check_attack(const std::string& settings, const std::string& name, std::size_t attempts_min) {
    const Testbed bed(Controllers::best_effort, settings);
    Client client = bed.connect();
    check_refused(output_of(client, in_new_shard({bed.program("attack"), name})), attempts_min);
}

}  // namespace

TEST_CASE("survey: no file, socket, device or setting of the host is found, and none is writable") {
    check_attack("", "survey-host", 45);
}

TEST_CASE("survey: as root of a user namespace no more is found") {
    check_attack("user_namespace = true\n", "survey-host", 45);
}

TEST_CASE("surface: the parts of the kernel that escapes begin with are refused") {
    check_attack("", "use-kernel-surface", 15);
}

TEST_CASE("privilege: no way leads to another uid or to a capability") {
    check_attack("", "gain-privilege", 7);
}

TEST_CASE("root: no mount, handle, namespace or device node leads out of it") {
    check_attack("", "leave-root", 30);
}

TEST_CASE("root: as root of a user namespace no mount, handle or namespace leads out of it") {
    check_attack("user_namespace = true\n", "leave-root", 30);
}

TEST_CASE("a program sees of the accounts itself, root and nobody") {
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    const std::string names = output_of(
        client, in_new_shard({"sh", "-c", "cut -d: -f1 /etc/passwd; cut -d: -f1 /etc/group"}));
    CHECK(names == "root\nshard\nnobody\nroot\nshard\nnogroup\n");
}

}  // namespace shardrun::test
