# libframejit.so: the rooms that run compiled programs, without Python, behind the C interface csrc/aot/framejit.h.
#
# It is linked of the very objects of _C. What such a room must not do is refer to a room above that knows Python: the linker says so.
set(fj_run_rooms "(base|ops|runtime|loop|codegen|aot)")
add_library(framejit_run SHARED)
target_sources(framejit_run PRIVATE
  "$<FILTER:$<TARGET_OBJECTS:_C>,INCLUDE,/csrc/${fj_run_rooms}/|/gen/ops/|/unity_${fj_run_rooms}_>")
add_dependencies(framejit_run _C)
set_target_properties(framejit_run PROPERTIES OUTPUT_NAME framejit LINKER_LANGUAGE CXX)
target_link_libraries(framejit_run PRIVATE Threads::Threads ${CMAKE_DL_LIBS} framejit_asmjit)
target_link_options(framejit_run PRIVATE LINKER:--exclude-libs,ALL LINKER:--gc-sections LINKER:--no-undefined)
if(FRAMEJIT_STATIC_RUNTIME)
  target_link_options(framejit_run PRIVATE -static-libstdc++ -static-libgcc)
endif()
if(FRAMEJIT_SANITIZE)  # whose symbols come from the program's preloaded library
  target_link_options(framejit_run PRIVATE -fsanitize=${FRAMEJIT_SANITIZE} LINKER:-z,undefs)
endif()
if(FRAMEJIT_INPLACE)
  add_custom_command(TARGET framejit_run POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_SOURCE_DIR}/pkg/framejit/lib
    COMMAND ${CMAKE_COMMAND} -E create_symlink $<TARGET_FILE:framejit_run> ${PROJECT_SOURCE_DIR}/pkg/framejit/lib/libframejit.so
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_SOURCE_DIR}/pkg/framejit/include
    COMMAND ${CMAKE_COMMAND} -E create_symlink ${PROJECT_SOURCE_DIR}/csrc/aot/framejit.h ${PROJECT_SOURCE_DIR}/pkg/framejit/include/framejit.h)
endif()
install(TARGETS framejit_run LIBRARY DESTINATION framejit/lib COMPONENT module NAMELINK_SKIP)
install(FILES ${PROJECT_SOURCE_DIR}/csrc/aot/framejit.h DESTINATION framejit/include COMPONENT module)
