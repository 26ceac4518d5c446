# Compiles the sources of _C a batch at a time, dealt by tools/unity_batches.py: half of a file's cost is its headers.
# Every edit deals anew, since a new name may clash in the batch where the file was.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${fj_sources} ${PROJECT_SOURCE_DIR}/tools/unity_batches.py)
execute_process(
  COMMAND ${Python_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/unity_batches.py ${PROJECT_SOURCE_DIR}/csrc 24 ${fj_sources}
  OUTPUT_VARIABLE fj_batches OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" fj_batches "${fj_batches}")
while(fj_batches)
  list(POP_FRONT fj_batches fj_batch fj_file)
  set_source_files_properties(${fj_file} PROPERTIES UNITY_GROUP ${fj_batch})
endwhile()
set_target_properties(_C PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
