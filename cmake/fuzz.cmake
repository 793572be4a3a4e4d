# The `fuzz` preset: libFuzzer's coverage in every object, and what clang 14 needs to read this code.
add_compile_options(-fsanitize=fuzzer-no-link -gline-tables-only -D_GLIBCXX_ASSERTIONS)
# clang 14 is behind libstdc++ 12, which asks for these before it shows coroutines and source_location.
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-D__cpp_impl_coroutine=201902L>)
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include ${CMAKE_SOURCE_DIR}/cmake/source_location_for_clang.h>")
# Its type of a function stands before the code, and clang 14 can't copy it to the parts of a coroutine.
add_compile_options(-fno-sanitize=function)
# Every finding ends the run, also what UBSan only reports by default.
add_compile_options(-fno-sanitize-recover=all)
