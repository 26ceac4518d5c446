// The words of the loop IR's text form, in the order of their enums (loop.h).
#pragma once

namespace fj::loop {

inline constexpr const char* kRoleText[] = {"in", "out", "inout", "scratch"};
inline constexpr const char* kVecText[] = {"contig", "broadcast", "strided"};
inline constexpr const char* kAccText[] = {"sum", "prod", "max", "min", "argmax", "argmin", "any", "all"};
inline constexpr const char* kStageText[] = {"sweep", "point"};
inline constexpr const char* kParamText[] = {"int", "float"};

}  // namespace fj::loop
