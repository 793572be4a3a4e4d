#pragma once

#include <string>

namespace gregor {

/// What --help prints about options: name, default, what is allowed and what it is for, two lines each.
std::string options_help();

}  // namespace gregor
