//! Shell completions and the manual page, made from the arguments.

use std::io::{self, Write};

use clap::CommandFactory as _;

use super::args::Cli;

/// Writes the completion script of one shell.
pub fn completions(shell: clap_complete::Shell, out: &mut impl Write) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "percept", &mut script);
    out.write_all(&script)
}

/// Writes one manual page (roff, section 1) of the program and all its commands.
pub fn manual(out: &mut impl Write) -> io::Result<()> {
    let mut command = Cli::command();
    command.build();
    let page = clap_mangen::Man::new(command.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    for path in leaves(&command) {
        let name = path.get_bin_name().unwrap_or_else(|| path.get_name()).to_uppercase();
        let page = clap_mangen::Man::new(path.clone());
        writeln!(out, ".SH {name}")?;
        let mut body = Vec::new();
        page.render_synopsis_section(&mut body)?;
        page.render_description_section(&mut body)?;
        page.render_options_section(&mut body)?;
        page.render_extra_section(&mut body)?;
        // Sections of one command become parts of its section.
        out.write_all(String::from_utf8_lossy(&body).replace(".SH ", ".SS ").as_bytes())?;
    }
    page.render_extra_section(out)?;
    page.render_version_section(out)
}

/// The commands that do something, `model show` among them; not `help`.
fn leaves(command: &clap::Command) -> Vec<&clap::Command> {
    let commands = command.get_subcommands().filter(|command| command.get_name() != "help");
    let mut leaves = Vec::new();
    for command in commands {
        if command.has_subcommands() {
            leaves.extend(self::leaves(command));
        } else {
            leaves.push(command);
        }
    }
    leaves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_every_command_and_argument() {
        let mut page = Vec::new();
        manual(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap().replace("\\-", "-");
        for command in leaves(&Cli::command()) {
            assert!(page.contains(&command.get_name().to_uppercase()), "{}", command.get_name());
            for argument in command.get_arguments().filter_map(|argument| argument.get_long()) {
                assert!(page.contains(&format!("--{argument}")), "{argument}");
            }
        }
        assert!(page.starts_with(".ie"), "{}", &page[..80]);
    }

    #[test]
    fn every_shell_has_completions() {
        use clap::ValueEnum as _;
        for shell in clap_complete::Shell::value_variants() {
            let mut script = Vec::new();
            completions(*shell, &mut script).unwrap();
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("no-windows"), "{shell}");
        }
    }
}
