//! Findings: what is wrong, where, and what to do.

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Error,
    Warning,
    Note,
}

impl Severity {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A thing that is wrong, with its place and what to do.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// A stable name for programs.
    pub(super) code: &'static str,
    pub(super) subject: String,
    pub(super) what: String,
    pub(super) advice: String,
}

/// All findings.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

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
