fn main() -> std::process::ExitCode {
    percept::cli::main()
}
