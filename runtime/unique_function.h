#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace gregor {

/// Something to call once or more that can be moved but not copied, so that it may own what it captures. Captures
/// of up to 48 bytes cost no allocation. (C++23's std::move_only_function, which g++ 12 has in C++23 mode only.)
template <class Signature>
class UniqueFunction;

template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;
  template <class F>
  requires(!std::is_same_v<std::decay_t<F>, UniqueFunction>)
      UniqueFunction(F&& function) {  // NOLINT: implicit on purpose
    using Held = std::decay_t<F>;
    if constexpr (fits<Held>) {
      new (space_) Held(std::forward<F>(function));
      call_ = [](void* space, Args... args) -> R {
        return (*static_cast<Held*>(space))(std::forward<Args>(args)...);
      };
      relocate_ = [](void* from, void* to) {
        if (to != nullptr) new (to) Held(std::move(*static_cast<Held*>(from)));
        static_cast<Held*>(from)->~Held();
      };
    } else {
      new (space_) Held*(new Held(std::forward<F>(function)));
      call_ = [](void* space, Args... args) -> R {
        return (**static_cast<Held**>(space))(std::forward<Args>(args)...);
      };
      relocate_ = [](void* from, void* to) {
        if (to != nullptr) {
          new (to) Held*(*static_cast<Held**>(from));
        } else {
          delete *static_cast<Held**>(from);
        }
      };
    }
  }
  UniqueFunction(UniqueFunction&& other) noexcept { take(other); }
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~UniqueFunction() { reset(); }

  explicit operator bool() const { return call_ != nullptr; }
  R operator()(Args... args) { return call_(space_, std::forward<Args>(args)...); }

 private:
  static constexpr size_t kSpace = 48;
  template <class Held>
  static constexpr bool fits = sizeof(Held) <= kSpace &&
                               alignof(Held) <= alignof(void*) && std::is_nothrow_move_constructible_v<Held>;

  void take(UniqueFunction& other) {
    if (other.call_ == nullptr) return;
    other.relocate_(other.space_, space_);
    call_ = std::exchange(other.call_, nullptr);
    relocate_ = std::exchange(other.relocate_, nullptr);
  }
  void reset() {
    if (call_ != nullptr) relocate_(space_, nullptr);
    call_ = nullptr;
  }

  alignas(void*) std::byte space_[kSpace];
  R (*call_)(void*, Args...) = nullptr;
  void (*relocate_)(void*, void*) = nullptr;
};

}  // namespace gregor
