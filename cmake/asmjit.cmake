# Target framejit_asmjit: the one asmjit revision that the code generator is written for, linked statically.
#
# Debian 12 packages exactly this revision. Its libasmjit.a is not position independent in one respect: it refers to
# `stderr` with a pc-relative relocation, which no shared object may hold. `--wrap=stderr` redirects that reference to a
# hidden variable that csrc/base/asmjit_stderr.cpp fills in.
set(FJ_ASMJIT_COMMIT 5b5b0b38775938df4d3779604ff1db60b9a9dcbf)

add_library(framejit_asmjit INTERFACE)
target_compile_definitions(framejit_asmjit INTERFACE ASMJIT_STATIC ASMJIT_BUILD_RELEASE)

if(NOT FRAMEJIT_FETCH_ASMJIT)
  find_library(FJ_ASMJIT_ARCHIVE NAMES libasmjit.a)
  find_path(FJ_ASMJIT_INCLUDE asmjit/asmjit.h)
endif()
set(fj_asmjit_found OFF)
if(FJ_ASMJIT_ARCHIVE AND FJ_ASMJIT_INCLUDE)
  file(STRINGS ${FJ_ASMJIT_INCLUDE}/asmjit/core/api-config.h fj_asmjit_version REGEX "define ASMJIT_LIBRARY_VERSION")
  if(fj_asmjit_version MATCHES "0x010900")
    set(fj_asmjit_found ON)
  else()
    message(STATUS "installed asmjit is another revision: ${fj_asmjit_version}")
  endif()
endif()

if(fj_asmjit_found)
  message(STATUS "asmjit: ${FJ_ASMJIT_ARCHIVE}")
  target_include_directories(framejit_asmjit SYSTEM INTERFACE ${FJ_ASMJIT_INCLUDE})
  target_link_libraries(framejit_asmjit INTERFACE ${FJ_ASMJIT_ARCHIVE})
  target_link_options(framejit_asmjit INTERFACE LINKER:--wrap=stderr)
  target_compile_definitions(framejit_asmjit INTERFACE FJ_WRAP_STDERR=1)
else()
  message(STATUS "asmjit: fetching ${FJ_ASMJIT_COMMIT}")
  include(FetchContent)
  set(ASMJIT_STATIC ON CACHE BOOL "" FORCE)
  FetchContent_Declare(asmjit GIT_REPOSITORY https://github.com/asmjit/asmjit.git GIT_TAG ${FJ_ASMJIT_COMMIT})
  FetchContent_MakeAvailable(asmjit)
  target_link_libraries(framejit_asmjit INTERFACE asmjit)
endif()
