//! Which contracts a subcommand is about.

use std::path::{Path, PathBuf};

use clap::Args;
use rootcontract::contract::Contract;
use rootcontract::facts::Document as Facts;
use rootcontract::profile::Profile;

use super::failure::Failure;

/// The contracts of these profiles, or this one.
#[derive(Debug, Args)]
pub struct Contracts {
    /// Profile whose contract is meant; may be repeated [default: osbuild's]
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<Profile>,
    /// Contract of your own
    #[arg(long = "contract", value_name = "FILE", conflicts_with = "profiles")]
    file: Option<PathBuf>,
}

impl Contracts {
    /// Reads them; where none is named, those of our own profiles as well.
    pub fn load_all(&self) -> Result<Vec<Contract>, Failure> {
        let mut contracts = self.load()?;
        if self.file.is_none() && self.profiles.is_empty() {
            contracts.extend(of_profiles(&Profile::ALL)?.into_iter().filter(|contract| contract.extends.is_some()));
        }
        Ok(contracts)
    }

    /// Reads them.
    pub fn load(&self) -> Result<Vec<Contract>, Failure> {
        match &self.file {
            Some(file) => Ok(vec![Contract::load(file)?]),
            // The newest first: it is what most people want to read about.
            None if self.profiles.is_empty() => of_profiles(&Profile::OSBUILD.into_iter().rev().collect::<Vec<_>>()),
            None => of_profiles(&self.profiles),
        }
    }
}

/// The compiled-in contracts of these profiles.
pub fn of_profiles(profiles: &[Profile]) -> Result<Vec<Contract>, Failure> {
    profiles.iter().map(|profile| Ok(Contract::builtin(profile.name())?)).collect()
}

/// What facts are held to: the contracts of the profiles that were named, else that of the profile they are of.
pub fn of_facts(facts: &Facts, file: &Path, profiles: &[Profile]) -> Result<Vec<Contract>, Failure> {
    match (profiles, &facts.launch) {
        ([], Some(launch)) => Ok(vec![Contract::builtin(&launch.profile)?]),
        ([], None) => Err(Failure::FactsOfNobody { file: file.to_owned() }),
        (profiles, _) => of_profiles(profiles),
    }
}

/// The profile that the contract in `file` is about.
pub fn profile_of(contract: &Contract, file: &Path) -> Result<Profile, Failure> {
    contract
        .profile
        .parse()
        .map_err(|_| Failure::ForeignContract { file: file.to_owned(), profile: contract.profile.clone() })
}
