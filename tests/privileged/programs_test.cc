#include "privileged/inside.h"
#include "privileged/needs.h"

namespace shardrun::test {

const Needs kNeeds{};

}  // namespace shardrun::test
