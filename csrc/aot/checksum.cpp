#include "aot/checksum.h"

#include "aot/bytes.h"
#include "aot/file.h"

namespace fj::aot {
namespace {

constexpr std::string_view kMagic("FJAOT\r\n\x1a", 8);
constexpr size_t kHeader = 32;

// FNV-1a over words of eight bytes, the rest byte by byte.
uint64_t checksum(std::string_view data) {
  uint64_t h = 0xcbf29ce484222325ull;
  size_t i = 0;
  for (; i + 8 <= data.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, data.data() + i, 8);
    h = (h ^ word) * 0x100000001b3ull;
    h ^= h >> 29;
  }
  for (; i < data.size(); ++i) h = (h ^ static_cast<unsigned char>(data[i])) * 0x100000001b3ull;
  return h;
}

}  // namespace

std::string framed(std::string_view contents) {
  Writer w;
  w.out = kMagic;
  w.put(kVersion);
  w.put<uint32_t>(0x01020304);  // which order bytes have
  w.put<uint64_t>(contents.size());
  w.put(checksum(contents));
  w.out.append(contents);
  return std::move(w.out);
}

std::string_view unframed(std::string_view data) {
  FJ_USER_CHECK(data.size() >= kHeader && data.substr(0, 8) == kMagic, ErrorKind::Runtime,
                "the file is no compiled program of framejit");
  Reader r(data.substr(8));
  uint32_t version = r.get<uint32_t>();
  FJ_USER_CHECK(version == kVersion, ErrorKind::Runtime, "the file has version ", static_cast<int64_t>(version),
                ", and ", static_cast<int64_t>(kVersion), " can be read");
  FJ_USER_CHECK(r.get<uint32_t>() == 0x01020304, ErrorKind::Runtime, "the file was made for another kind of machine");
  uint64_t size = r.get<uint64_t>(), sum = r.get<uint64_t>();
  std::string_view contents = data.substr(kHeader);
  FJ_USER_CHECK(contents.size() == size, ErrorKind::Runtime, "the file is cut off or has grown");
  FJ_USER_CHECK(checksum(contents) == sum, ErrorKind::Runtime, "the file is damaged: its checksum is wrong");
  return contents;
}

}  // namespace fj::aot
