// The frame around a file's contents: a magic number, the format's version, the length and a checksum.
#pragma once
#include <string>
#include <string_view>

namespace fj::aot {

std::string framed(std::string_view contents);
// The contents. Raises Runtime that says what is wrong: another version, cut off, damaged.
std::string_view unframed(std::string_view data);

}  // namespace fj::aot
