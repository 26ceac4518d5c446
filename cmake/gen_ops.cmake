# Runs tools/gen_ops.py over the op table. Defines FJ_GEN_DIR and the lists FJ_GENERATED_{SOURCES,INCLUDES,PYTHON}.
#
# `gen_ops.py --list-outputs` prints every file that it will write, one a line, relative to --out; this runs when CMake
# configures, the generator itself whenever a row or the generator changed. .cpp files are compiled, .inc and .h files
# are included from csrc/, and .py and .pyi files belong beside the package.
set(FJ_GEN_DIR ${CMAKE_BINARY_DIR}/gen)
set(FJ_GENERATED_SOURCES)
set(FJ_GENERATED_INCLUDES)
set(FJ_GENERATED_PYTHON)
file(MAKE_DIRECTORY ${FJ_GEN_DIR}/ops)

set(fj_generator ${PROJECT_SOURCE_DIR}/tools/gen_ops.py)
set(fj_table ${PROJECT_SOURCE_DIR}/csrc/ops/table)
file(GLOB fj_gen_inputs CONFIGURE_DEPENDS ${fj_table}/*.toml ${PROJECT_SOURCE_DIR}/tools/gen_ops*.py
     ${PROJECT_SOURCE_DIR}/tools/opgen/*.py
     ${PROJECT_SOURCE_DIR}/tools/opgen/*.pyi)

if(EXISTS ${fj_generator})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${fj_gen_inputs})
  set(fj_gen_command ${Python_EXECUTABLE} ${fj_generator} --table ${fj_table} --out ${FJ_GEN_DIR})
  execute_process(COMMAND ${fj_gen_command} --list-outputs OUTPUT_VARIABLE fj_gen_list RESULT_VARIABLE fj_gen_rc
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT fj_gen_rc EQUAL 0)
    message(FATAL_ERROR "tools/gen_ops.py --list-outputs failed")
  endif()
  string(REPLACE "\n" ";" fj_gen_list "${fj_gen_list}")
  foreach(output IN LISTS fj_gen_list)
    get_filename_component(output "${output}" ABSOLUTE BASE_DIR ${FJ_GEN_DIR})
    if(output MATCHES "\\.cpp$")
      list(APPEND FJ_GENERATED_SOURCES ${output})
    elseif(output MATCHES "\\.pyi?$")
      list(APPEND FJ_GENERATED_PYTHON ${output})
    else()
      list(APPEND FJ_GENERATED_INCLUDES ${output})
    endif()
  endforeach()
  add_custom_command(
    OUTPUT ${FJ_GENERATED_SOURCES} ${FJ_GENERATED_INCLUDES} ${FJ_GENERATED_PYTHON}
    COMMAND ${fj_gen_command}
    DEPENDS ${fj_gen_inputs}
    COMMENT "Generating from the op table")
  if(FJ_GENERATED_PYTHON)
    add_custom_target(gen_python ALL DEPENDS ${FJ_GENERATED_PYTHON} ${FJ_GENERATED_SOURCES})
  endif()
endif()
