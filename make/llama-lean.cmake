# Read by CMake right after llama-cpp-python's project() line (CMAKE_PROJECT_llama_cpp_INCLUDE).
#
# llama.cpp's `common` library carries its command-line tools and its HTTP client. The Python binding loads libllama
# and libggml only, so that more than half of the compile steps would build what nobody here runs.
# llama-cpp-python switches the option on in the CMake cache; a normal variable wins over a cache entry of the same
# name (policy CMP0126), and this file is the one place from which such a variable reaches its project.
set(LLAMA_BUILD_COMMON OFF)

# gcc 12 removes the stores that fill llama.cpp's AMX tile configuration, and an engine built with -march=native on a
# processor with AMX dies with SIGSEGV in its first matrix product. AVX-512 and VNNI stay.
include(CheckCXXCompilerFlag)
foreach(feature tile int8 bf16)
  check_cxx_compiler_flag(-mno-amx-${feature} LLMCC_KNOWS_AMX_${feature})
  if(LLMCC_KNOWS_AMX_${feature})
    add_compile_options(-mno-amx-${feature})
  endif()
endforeach()
