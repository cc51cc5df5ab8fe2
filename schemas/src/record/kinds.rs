//! The closed sets of words that a record uses, with the text of each as the JSON and the lake have it.

/// Declares an enum whose values have one text each.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The text of the JSON and of the lake.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The value of a text; nothing else is accepted, not even another case.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What kind of robot sends.
    RobotKind {
        /// An industrial or collaborative arm.
        Arm = "arm",
        /// A humanoid.
        Humanoid = "humanoid",
        /// An autonomous mobile robot.
        Amr = "amr",
    }
}

words! {
    /// How the robot was operated in the window.
    OperationalMode {
        /// By program, without a person in the loop.
        Automatic = "automatic",
        /// By program, with a person in the loop.
        SemiAutomatic = "semi_automatic",
        /// By hand.
        Manual = "manual",
        /// For service.
        Service = "service",
        /// Being taught.
        TeachIn = "teach_in",
        /// By another system.
        External = "external",
    }
}

words! {
    /// How bad an event is.
    Severity {
        /// For information.
        Info = "info",
        /// Unexpected, work goes on.
        Warning = "warning",
        /// Work stopped.
        Error = "error",
        /// The robot is out of order.
        Fatal = "fatal",
    }
}

words! {
    /// What was done in maintenance.
    MaintenanceKind {
        /// Grease renewed.
        Grease = "grease",
        /// Component replaced.
        Replace = "replace",
        /// Calibrated.
        Calibrate = "calibrate",
        /// Inspected.
        Inspect = "inspect",
        /// Battery pack swapped.
        BatterySwap = "battery_swap",
    }
}
