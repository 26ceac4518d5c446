// Text between Python and C++. A std::string holds UTF-8 in which lone surrogates, of which a str may have some, are
// encoded too ("surrogatepass"), so that every str has a way there and back.
#pragma once
#include <string>
#include <string_view>

#include "py/ref.h"

namespace fj::py {

// The text of a str; "?" for anything else, and for NULL. Sets no exception.
std::string utf8(PyObject* str);

// A str's text for as long as the str lives, to compare with names that C++ knows: empty for what is no str, and for
// one with lone surrogates, which none of those names has. Sets no exception.
std::string_view name_view(PyObject* str);

// The way back; what is not UTF-8 becomes U+FFFD. NULL with an error where there is no memory.
Ref to_str(std::string_view text);

// PyErr_SetString for such a text.
void set_error(PyObject* type, std::string_view text);

}  // namespace fj::py
