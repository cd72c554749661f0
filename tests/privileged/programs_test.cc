#include <filesystem>

#include "privileged/inside.h"
#include "privileged/needs.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

/// Real programs want more processes and files than a test of limits.
ResourceRequest::Run roomy(std::vector<std::string> argv) {
    ResourceRequest::Run run = in_new_shard(std::move(argv));
    run.program.cwd = "/tmp";
    run.program.env.push_back("HOME=/tmp");
    return run;
}

/// Runs a script of `shell` to its end; what it printed. The machine may lack the program: then the
/// test case says so and is over.
std::optional<std::string> script_output(const std::vector<std::string>& programs,
                                         std::vector<std::string> argv) {
    for (const std::string& program : programs) {
        const bool is_there = std::filesystem::exists("/usr/bin/" + program) ||
                              std::filesystem::exists("/usr/sbin/" + program);
        if (is_there) continue;
        // In the test VM all of them are there.
        CHECK_MESSAGE(std::getenv("SHARDRUN_IN_VM") == nullptr, program, " is missing");
        MESSAGE("skipped: ", program, " is not installed");
        return std::nullopt;
    }
    const Testbed bed(Controllers::best_effort);
    Client client = bed.connect();
    return output_of(client, roomy(std::move(argv)));
}

void check_script(const std::vector<std::string>& programs, std::vector<std::string> argv,
                  const std::string& expected) {
    const std::optional<std::string> output = script_output(programs, std::move(argv));
    if (output) CHECK(*output == expected);
}

}  // namespace

TEST_CASE("python3: threads, subprocess, ssl, sqlite, temporary files and random numbers") {
    const char* code = R"(
import hashlib, json, os, sqlite3, ssl, subprocess, tempfile, threading, time
results = []
threads = [threading.Thread(target=lambda i=i: results.append(i)) for i in range(20)]
[t.start() for t in threads]
[t.join() for t in threads]
print(sorted(results) == list(range(20)))
print(subprocess.run(['sh', '-c', 'echo sub; exit 3'], capture_output=True).returncode)
context = ssl.create_default_context()
print(context.verify_mode == ssl.CERT_REQUIRED)
with tempfile.TemporaryDirectory() as folder:
    db = sqlite3.connect(folder + '/db')
    db.execute('create table t (x)')
    db.execute('insert into t values (7)')
    db.commit()
    print(db.execute('select x from t').fetchone()[0])
print(len(os.urandom(8)), len(os.getrandom(8)))
print(os.cpu_count() > 0, time.time() > 0, os.getpid() > 0)
)";
    check_script({"python3"}, {"python3", "-c", code}, "True\n3\nTrue\n7\n8 8\nTrue True True\n");
}

TEST_CASE("python3: multiprocessing, with its semaphores in /dev/shm") {
    const char* code = R"(
import multiprocessing
def square(x):
    return x * x
if __name__ == '__main__':
    with multiprocessing.Pool(4) as pool:
        print(sum(pool.map(square, range(100))))
    queue = multiprocessing.Queue()
    child = multiprocessing.Process(target=queue.put, args=('from a child',))
    child.start()
    print(queue.get())
    child.join()
    shared = multiprocessing.shared_memory.SharedMemory(create=True, size=4096) if hasattr(multiprocessing, 'shared_memory') else None
    if shared:
        shared.close()
        shared.unlink()
)";
    check_script({"python3"}, {"python3", "-c", code}, "328350\nfrom a child\n");
}

TEST_CASE("python3: asyncio, sockets, select, signals and a name that needs no resolver") {
    const char* code = R"(
import asyncio, os, signal, socket
async def serve(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(serve, 'localhost', 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection('localhost', port)
    writer.write(b'hello\n')
    print((await reader.readline()).decode().strip())
    process = await asyncio.create_subprocess_exec('echo', 'child', stdout=asyncio.subprocess.PIPE)
    print((await process.communicate())[0].decode().strip())
asyncio.run(main())
signal.signal(signal.SIGUSR1, lambda *_: print('signal'))
os.kill(os.getpid(), signal.SIGUSR1)
a, b = socket.socketpair()
a.send(b'x')
print(b.recv(1))
)";
    check_script({"python3"}, {"python3", "-c", code}, "HELLO\nchild\nsignal\nb'x'\n");
}

TEST_CASE("gcc compiles, links and runs a program with threads") {
    const char* script = R"(
cat > a.c << 'END'
#include <pthread.h>
#include <stdio.h>
#include <string.h>
static void* work(void* argument) { return argument; }
int main(void) {
    pthread_t thread;
    void* result = NULL;
    pthread_create(&thread, NULL, work, "worked");
    pthread_join(thread, &result);
    puts(result);
    return (int)strlen(result) - 6;
}
END
gcc -O1 -pipe -o a a.c -lpthread && ./a
)";
    check_script({"gcc"}, {"sh", "-c", script}, "worked\n");
}

TEST_CASE("git makes a repository, commits, branches and clones it") {
    const char* script = R"(
set -e
git init -q one && cd one
git config user.email a@example.org && git config user.name A
echo text > file && git add file && git commit -q -m first
git checkout -q -b side && echo more >> file && git commit -q -a -m second
cd .. && git clone -q one two 2> /dev/null && cd two && git log --format=%s && git gc -q && git fsck
)";
    check_script({"git"}, {"sh", "-c", script}, "second\nfirst\n");
}

TEST_CASE("perl forks, matches and reads through pipes") {
    const char* code =
        "my $pid = open(my $in, '-|') // die; if (!$pid) { print \"child\\n\"; exit 0 } "
        "my $text = <$in>; $text =~ s/child/parent/; print $text; print join(',', sort { $a <=> $b "
        "} "
        "map { $_ * 2 } 1..3), \"\\n\";";
    check_script({"perl"}, {"perl", "-e", code}, "parent\n2,4,6\n");
}

TEST_CASE("bash controls jobs: stops one, continues it and waits for it") {
    const char* script =
        "exec 2> /dev/null; set -m; sleep 600 & kill -STOP %1; until [ \"$(cut -d' ' -f3 "
        "/proc/$!/stat)\" = T ]; do "
        ":; done; "
        "jobs -s | grep -c sleep; kill -CONT %1; kill -TERM %1; wait %1; echo $?; "
        "(exit 5) | cat; echo ${PIPESTATUS[0]}; diff <(echo same) <(echo same) && echo same";
    check_script({"bash"}, {"bash", "-c", script}, "1\n143\n5\nsame\n");
}

TEST_CASE("busybox: its shell and tools") {
    const char* script =
        "busybox mkdir -p d/e && busybox touch d/e/f && busybox tar cf t.tar d && busybox rm -r d "
        "&& "
        "busybox tar xf t.tar && busybox find d | busybox sort | busybox tr '\\n' ' '; busybox "
        "echo; "
        "busybox seq 3 | busybox awk '{s+=$1} END {print s}'";
    check_script({"busybox"}, {"busybox", "sh", "-c", script}, "d d/e d/e/f \n6\n");
}

TEST_CASE("redis serves its client over the shard's loopback") {
    const char* script = R"(
redis-server --save '' --dir /tmp --port 6379 --daemonize no > log 2>&1 &
n=0
until redis-cli ping > /dev/null 2>&1 || [ $n -ge 600 ]; do n=$((n+1)); sleep 0.1; done
redis-cli set key value; redis-cli get key; redis-cli --raw eval 'return 6*7' 0
redis-cli bgsave > /dev/null; redis-cli shutdown nosave; wait; echo ended
)";
    check_script({"redis-server", "redis-cli"}, {"sh", "-c", script}, "OK\nvalue\n42\nended\n");
}

TEST_CASE("nginx serves a file to curl over the shard's loopback, on port 80") {
    const char* script = R"(
mkdir www && echo served > www/index.html
cat > nginx.conf << 'END'
daemon off; pid /tmp/nginx.pid; error_log /tmp/error.log; worker_processes 2;
events { worker_connections 64; }
http {
    access_log off; client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f;
    uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
    server { listen 80; root /tmp/www; }
}
END
nginx -e /tmp/error.log -c /tmp/nginx.conf > log 2>&1 &
n=0
until curl -fs http://localhost/ || [ $n -ge 600 ]; do n=$((n+1)); sleep 0.1; done
nginx -e /tmp/error.log -c /tmp/nginx.conf -s quit; wait; echo ended
)";
    check_script({"nginx", "curl"}, {"sh", "-c", script}, "served\nended\n");
}

}  // namespace shardrun::test
