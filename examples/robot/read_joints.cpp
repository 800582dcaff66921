// Read a robot's joints from Sealcap's joint stream in C++17 with libzmq alone.
//
//   apt install g++ libzmq3-dev
//   g++ -std=c++17 -O2 -Wall -Wextra -o read_joints read_joints.cpp -lzmq
//   ./read_joints [tcp://127.0.0.1:5571] [how many messages]
//
// The messages are msgpack maps; the little reader below knows all that they contain and refuses the rest.
#include <zmq.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

// One message, read from front to back. Throws instead of reading past the end.
class Reader {
  public:
    Reader(const uint8_t *data, size_t size) : at_(data), end_(data + size) {}

    uint32_t map_size() { return header(0x80, 0x0f, 0xde, 0xdf, "map"); }
    uint32_t array_size() { return header(0x90, 0x0f, 0xdc, 0xdd, "array"); }

    std::string text() {
        const uint8_t tag = byte();
        if ((tag & 0xe0) == 0xa0) return raw(tag & 0x1f);
        if (tag >= 0xd9 && tag <= 0xdb) return raw(number(size_t{1} << (tag - 0xd9)));
        throw std::runtime_error("text expected");
    }

    int64_t integer() {
        const uint8_t tag = byte();
        if (tag < 0x80) return tag;
        if (tag >= 0xe0) return static_cast<int8_t>(tag);
        if (tag >= 0xcc && tag <= 0xcf) return static_cast<int64_t>(number(size_t{1} << (tag - 0xcc)));
        switch (tag) {
            case 0xd0: return static_cast<int8_t>(number(1));
            case 0xd1: return static_cast<int16_t>(number(2));
            case 0xd2: return static_cast<int32_t>(number(4));
            case 0xd3: return static_cast<int64_t>(number(8));
        }
        throw std::runtime_error("integer expected");
    }

    // A byte field of float64, little-endian: as they lie in memory on x86 and ARM.
    std::vector<double> doubles() {
        const uint8_t tag = byte();
        if (tag < 0xc4 || tag > 0xc6) throw std::runtime_error("bytes expected");
        const std::string bytes = raw(number(size_t{1} << (tag - 0xc4)));
        if (bytes.size() % sizeof(double)) throw std::runtime_error("not a whole number of doubles");
        std::vector<double> out(bytes.size() / sizeof(double));
        if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
        return out;
    }

    // Steps over a value of any kind these messages contain: keys that came later do not matter.
    void skip() {
        if (at_ == end_) throw std::runtime_error("too short");
        const uint8_t tag = *at_;
        if (tag < 0x80 || tag >= 0xe0 || (tag >= 0xcc && tag <= 0xd3)) integer();
        else if ((tag & 0xe0) == 0xa0 || (tag >= 0xd9 && tag <= 0xdb)) text();
        else if ((tag & 0xf0) == 0x90 || tag == 0xdc || tag == 0xdd)
            for (uint32_t n = array_size(); n > 0; --n) text();
        else if (tag >= 0xc4 && tag <= 0xc6) byte(), raw(number(size_t{1} << (tag - 0xc4)));
        else if (tag == 0xca || tag == 0xcb) byte(), raw(tag == 0xca ? 4 : 8);
        else if (tag == 0xc0 || tag == 0xc2 || tag == 0xc3) byte();
        else throw std::runtime_error("unknown kind of value");
    }

  private:
    uint8_t byte() {
        if (at_ == end_) throw std::runtime_error("too short");
        return *at_++;
    }
    uint64_t number(size_t bytes) {
        uint64_t out = 0;
        for (size_t i = 0; i < bytes; ++i) out = out << 8 | byte();
        return out;
    }
    std::string raw(uint64_t size) {
        if (size > static_cast<uint64_t>(end_ - at_)) throw std::runtime_error("too short");
        std::string out(reinterpret_cast<const char *>(at_), size);
        at_ += size;
        return out;
    }
    uint32_t header(uint8_t fix, uint8_t mask, uint8_t two, uint8_t four, const char *what) {
        const uint8_t tag = byte();
        if ((tag & ~mask) == fix) return tag & mask;
        if (tag == two) return static_cast<uint32_t>(number(2));
        if (tag == four) return static_cast<uint32_t>(number(4));
        throw std::runtime_error(std::string(what) + " expected");
    }
    const uint8_t *at_, *end_;
};

struct Command {
    int64_t version = 0, tick = -1;
    std::string run, state, reason;
    std::vector<double> position, velocity, root_position, root_rotation;

    // In all other states the robot must stand still.
    bool moving() const { return state == "ramping" || state == "following" || state == "holding"; }
};

Command read_command(const uint8_t *data, size_t size) {
    Reader in(data, size);
    Command out;
    for (uint32_t n = in.map_size(); n > 0; --n) {
        const std::string key = in.text();
        if (key == "v") out.version = in.integer();
        else if (key == "tick") out.tick = in.integer();
        else if (key == "run") out.run = in.text();
        else if (key == "state") out.state = in.text();
        else if (key == "reason") out.reason = in.text();
        else if (key == "q") out.position = in.doubles();
        else if (key == "qd") out.velocity = in.doubles();
        else if (key == "root_p") out.root_position = in.doubles();
        else if (key == "root_q") out.root_rotation = in.doubles();
        else in.skip();
    }
    if (out.version != 1) throw std::runtime_error("another version of the format");
    if (out.position.size() != out.velocity.size()) throw std::runtime_error("q and qd differ in length");
    return out;
}

int main(int argc, char **argv) {
    const char *endpoint = argc > 1 ? argv[1] : "tcp://127.0.0.1:5571";
    const long wanted = argc > 2 ? std::atol(argv[2]) : -1;
    const std::string topic = "robot1 ";
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_SUB);
    const int silence_ms = 100, newest_only = 1, linger = 0;
    const int64_t largest = 1 << 16;
    zmq_setsockopt(socket, ZMQ_CONFLATE, &newest_only, sizeof newest_only);  // a controller wants no queue
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &silence_ms, sizeof silence_ms);
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, topic.data(), topic.size());
    if (zmq_connect(socket, endpoint) != 0) {
        std::fprintf(stderr, "%s: %s\n", endpoint, zmq_strerror(zmq_errno()));
        return 2;
    }
    std::vector<uint8_t> buffer(largest);
    bool silent = false;
    std::string run;
    for (long count = 0; wanted < 0 || count < wanted;) {
        const int size = zmq_recv(socket, buffer.data(), buffer.size(), 0);
        if (size < 0) {
            if (!silent) std::puts("silence: stand still, and do not follow again before a ramp of your own");
            silent = true;
            run.clear();
            continue;
        }
        silent = false;
        if (static_cast<size_t>(size) > buffer.size()) continue;  // cut off
        try {
            const size_t skip = topic.size();
            const Command command = read_command(buffer.data() + skip, static_cast<size_t>(size) - skip);
            ++count;
            if (command.run != run) {  // after a silence, or the sender started anew: it may be far from us
                std::printf("run %s: go to its pose by a ramp of your own, or not at all\n", command.run.c_str());
                run = command.run;
            }
            if (command.moving()) { /* hand command.position to the controller here */ }
            std::printf("%lld %s %zu", static_cast<long long>(command.tick), command.state.c_str(),
                        command.position.size());
            for (double q : command.position) std::printf(" %.17g", q);
            std::puts("");
        } catch (const std::exception &error) {
            std::fprintf(stderr, "refused a message: %s\n", error.what());
        }
    }
    zmq_close(socket);
    zmq_ctx_term(context);
    return 0;
}
