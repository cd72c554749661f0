#include "replay/trace_reader.h"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <string>
#include <vector>

#include "memory_source.h"

using namespace shardrun;
using namespace shardrun::replay;

namespace {

const std::string kHeader = "time,client,object,size\n";

/// Every request as "time client object size;", or the refusal.
std::string read_all(const std::string& bytes, std::size_t piece_max = 1U << 20U) {
    MemorySource source(bytes, piece_max);
    TraceReader reader(source, "t.csv");
    std::string told;
    while (true) {
        const auto request = reader.next();
        if (!request) return request.error().message;
        if (!*request) return told;
        told += fmt::format("{} {} {} {};", (*request)->time, (*request)->client,
                            static_cast<std::uint64_t>((*request)->object), (*request)->size_bytes);
    }
}

std::string after_header(const std::string& lines) {
    return read_all(kHeader + lines);
}

}  // namespace

TEST_CASE("each line is a request, and objects are numbered as they come") {
    CHECK(after_header("0,7,a,5\n0.5,c03.1,b,0\n12,7,a,5\n") == "0 7 0 5;0.5 c03.1 1 0;12 7 0 5;");
    CHECK(after_header("").empty());
}

TEST_CASE("a last line may lack its end, and lines may end as on other systems") {
    CHECK(after_header("0,7,a,5\n1,7,b,6") == "0 7 0 5;1 7 1 6;");
    CHECK(read_all("time,client,object,size\r\n0,7,a,5\r\n1,7,b,6") == "0 7 0 5;1 7 1 6;");
    CHECK(read_all("time,client,object,size").empty());
}

TEST_CASE("the footprint is the sum over distinct objects") {
    MemorySource source(kHeader + "0,1,a,5\n0,1,b,7\n1,1,a,5\n");
    TraceReader reader(source, "t.csv");
    while (*reader.next())
        ;
    CHECK(reader.objects().count() == 2);
    CHECK(reader.objects().footprint_bytes() == 12);
    CHECK(reader.objects().size_bytes(policy::ObjectId{1}) == 7);
}

TEST_CASE("another header, or none, is refused") {
    for (const char* bytes : {"", "\n", "time,client,object\n", "time,client,object,size,\n",
                              "Time,client,object,size\n", " time,client,object,size\n"})
        CHECK(read_all(bytes).starts_with(
            "t.csv:1:1: the header must be 'time,client,object,size', not '"));
    CHECK(read_all("0,7,a,5\n") ==
          "t.csv:1:1: the header must be 'time,client,object,size', not '0,7,a,5'");
}

TEST_CASE("a line with another number of fields is refused where it ends or goes on") {
    CHECK(after_header("0,7,a,5\n\n") == "t.csv:3:1: the line ends after 1 of 4 fields");
    CHECK(after_header("0\n") == "t.csv:2:2: the line ends after 1 of 4 fields");
    CHECK(after_header("0,7,a\n") == "t.csv:2:6: the line ends after 3 of 4 fields");
    CHECK(after_header("0,7,a,5,\n") == "t.csv:2:8: the line has more than 4 fields");
}

TEST_CASE("a time is a plain number that does not decrease") {
    CHECK(after_header("1,7,a,5\n1,7,a,5\n") == "1 7 0 5;1 7 0 5;");
    CHECK(after_header("1.25,7,a,5\n1.249,7,a,5\n") ==
          "t.csv:3:1: time '1.249' is before 1.25, the time of the line before");
    for (const std::string time :
         {"", "-1", "+1", "1e3", "inf", "nan", "0x1", "1.", ".5", " 1", "1 ", "1.2.3", "1s"})
        CHECK(after_header(time + ",7,a,5\n") ==
              "t.csv:2:1: time '" + time + "' is not a number as in 12 or 12.5");
    CHECK(after_header(std::string(400, '9') + ",7,a,5\n") ==
          "t.csv:2:1: time '" + std::string(40, '9') + "...' is out of range");
}

TEST_CASE("a size is a whole number below 2^63") {
    CHECK(after_header("1,7,a,9223372036854775807\n") == "1 7 0 9223372036854775807;");
    CHECK(after_header("1,7,a,9223372036854775808\n") ==
          "t.csv:2:7: size '9223372036854775808' is more than 9223372036854775807");
    CHECK(after_header("1,7,a,99999999999999999999\n") ==
          "t.csv:2:7: size '99999999999999999999' is more than 9223372036854775807");
    for (const std::string size : {"", "-1", "+1", "1.0", "1k", " 1", "1 ", "0x1"})
        CHECK(after_header("1,7,a," + size + "\n") ==
              "t.csv:2:7: size '" + size + "' is not a whole number of bytes");
}

TEST_CASE("sizes that add up to more than a number holds are refused") {
    const std::string most = "9223372036854775807\n";
    CHECK(after_header("1,7,a," + most + "1,7,a," + most + "1,7,b,1\n") ==
          "1 7 0 9223372036854775807;1 7 0 9223372036854775807;1 7 1 1;");
    CHECK(after_header("1,7,a," + most + "1,7,a," + most + "1,7,b,2\n") ==
          "t.csv:4:7: with size '2' all requests together ask for more than 2^64 bytes");
}

TEST_CASE("an object that has another size than before is refused") {
    CHECK(after_header("1,7,a,5\n2,8,a,6\n") ==
          "t.csv:3:7: object 'a' has 6 bytes here and had 5 before; it can have but one size");
}

TEST_CASE("a name is 1 to 255 printable characters without quotes") {
    const std::string longest(kNameSizeMax, 'x');
    CHECK(after_header("1," + longest + ",a,5\n") == "1 " + longest + " 0 5;");
    CHECK(after_header("1,7,\xc3\xa9 b,5\n") == "1 7 0 5;");
    CHECK(after_header("1,,a,5\n") == "t.csv:2:3: the client is missing");
    CHECK(after_header("1,7,,5\n") == "t.csv:2:5: the object is missing");
    CHECK(after_header("1,7," + longest + "x,5\n") ==
          "t.csv:2:5: the object '" + std::string(40, 'x') + "...' is longer than 255 bytes");
    CHECK(after_header("1,7,a\"b,5\n") ==
          "t.csv:2:6: the object 'a\"b' has a character that may not stand there: write it without "
          "quotes and control characters");
    CHECK(after_header("1,a\tb,o,5\n") ==
          "t.csv:2:4: the client 'a?b' has a character that may not stand there: write it without "
          "quotes and control characters");
    CHECK(after_header(std::string("1,7,a\0b,5\n", 10))
              .starts_with("t.csv:2:6: the object 'a?b' has"));
}

TEST_CASE("a line longer than its bound is refused, however it comes in") {
    const std::string client(kLineSizeMax - 6, 'x');
    for (const std::size_t piece : {1U << 20U, 1000U, 1U}) {
        CHECK(read_all(kHeader + "1," + client + ",a,5\n", piece)
                  .starts_with("t.csv:2:3: the client 'x"));
        CHECK(read_all(kHeader + "1," + client + "x,a,5\n", piece) ==
              "t.csv:2: the line is longer than 4096 bytes");
        CHECK(read_all(kHeader + std::string(1U << 20U, 'x'), piece) ==
              "t.csv:2: the line is longer than 4096 bytes");
    }
}

TEST_CASE("how the bytes are cut makes no difference") {
    std::string lines = kHeader;
    for (int i = 0; i < 3000; ++i)
        lines += fmt::format("{},c{},o{},{}\n", i, i % 7, i % 311, i % 311);
    const std::string whole = read_all(lines);
    CHECK(whole.size() > 3000 * 8);
    for (const std::size_t piece : {1U, 2U, 77U, 5000U}) CHECK(read_all(lines, piece) == whole);
}

TEST_CASE("many objects keep their numbers and sizes") {
    ObjectNames names;
    for (std::uint64_t i = 0; i < 50000; ++i)
        REQUIRE(names.number(fmt::format("o{}", i), i) == policy::ObjectId{i});
    for (std::uint64_t i = 0; i < 50000; ++i) {
        REQUIRE(names.number(fmt::format("o{}", i), 1) == policy::ObjectId{i});
        REQUIRE(names.size_bytes(policy::ObjectId{i}) == i);
    }
    CHECK(names.count() == 50000);
}
