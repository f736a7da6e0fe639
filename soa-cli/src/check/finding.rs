//! Findings: what is wrong, where, and what to do.

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Error,
    Warning,
    Note,
}

impl Severity {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A thing that is wrong, with its place and what to do.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// A stable name for programs.
    pub(crate) code: &'static str,
    pub(crate) subject: String,
    pub(crate) what: String,
    pub(crate) advice: String,
}

/// All findings.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub(crate) Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        subject: &str,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.0.push(Finding {
            severity,
            code,
            subject: subject.to_owned(),
            what: what.into(),
            advice: advice.into(),
        });
    }

    #[cfg(test)]
    pub(super) fn codes(&self) -> Vec<&str> {
        self.0.iter().map(|finding| finding.code).collect()
    }

    pub(super) fn error(
        &mut self,
        code: &'static str,
        subject: &str,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(Severity::Error, code, subject, what, advice);
    }

    pub(super) fn warning(
        &mut self,
        code: &'static str,
        subject: &str,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(Severity::Warning, code, subject, what, advice);
    }

    pub(super) fn note(
        &mut self,
        code: &'static str,
        subject: &str,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(Severity::Note, code, subject, what, advice);
    }
}
